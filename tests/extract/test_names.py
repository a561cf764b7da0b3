"""What a finding calls its supplier: a name that the reader of the text has seen there."""

from __future__ import annotations

import pytest

from extract.graph import Graph, Supplier
from extract.mentions import Company


@pytest.mark.parametrize(
    ("told", "known", "name"),
    [
        (["FLIR", "FLIR"], "Teledyne FLIR", "FLIR"),
        (["Teledyne FLIR", "FLIR", "FLIR"], "Teledyne FLIR", "Teledyne FLIR"),
        (["HIKVISION"], "Hikvision", "Hikvision"),
        (["Baraka Secure Ltd", "Baraka Secure", "Baraka"], None, "Baraka Secure"),
        (["Baraka", "Baraka Secure"], None, "Baraka Secure"),
    ],
)
def test_a_supplier_bears_the_name_of_the_text(told, known, name):
    company = Company(key="c", names=told, vendor=known, country=None)
    assert Graph.vendor_name(Supplier(key="c", company=company, country=None, mentions=[])) == name


def test_a_nation_has_no_company_name():
    assert Graph.vendor_name(Supplier(key="CN", company=None, country="CN", mentions=[])) is None
