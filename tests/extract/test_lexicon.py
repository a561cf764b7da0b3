"""The lexicon's suppliers by id, as whoever counts companies asks for them."""

from __future__ import annotations

from extract.decode import _slug
from extract.lexicon import known_vendors


def test_a_suppliers_id_is_the_one_that_findings_carry():
    known = known_vendors()
    assert known["teledyne-flir"].name == "Teledyne FLIR"
    assert [vendor_id for vendor_id, vendor in known.items() if vendor_id != _slug(vendor.name)] == []


def test_a_workspaces_own_row_stands_over_ours(tmp_path):
    (tmp_path / "vendors.csv").write_text("name,aliases,country,technologies,common_word\nHuawei,Hua,HK,drones,0\n")
    assert known_vendors(tmp_path)["huawei"].country == "HK"
    assert known_vendors()["huawei"].country == "CN"
