"""What is typed into a field: read as its type, or refused with the reason."""

from __future__ import annotations

import pytest

from records import RecordError
from review.fields import FIELDS, check, shown
from review.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load()


DEAL = {"vendor": "ZTE", "vendor_country": "CN", "country": "KE"}


@pytest.mark.parametrize(
    ("field", "raw", "columns"),
    [
        ("vendor", "huawei technologies", {"vendor": "Huawei"}),
        ("vendor", "Nobody Ltd", {"vendor": "Nobody Ltd"}),
        ("vendor", "Hikvision", {"vendor": "Hikvision"}),
        ("vendor", "Verint", {"vendor": "Verint", "vendor_country": "US"}),
        ("country", "Kenyan", {"country": "KE"}),
        ("country", "nairobi", {"country": "KE"}),
        ("country", "ke", {"country": "KE"}),
        ("country", "Kenya (KE)", {"country": "KE"}),
        ("vendor_country", "Israel", {"vendor_country": "IL"}),
        ("technologies", "facial recognition; cctv", {"technologies": ["facial_recognition", "video_surveillance"]}),
        ("financing_type", "Concessional loan", {"financing_type": "concessional_loan"}),
        ("financier", "china exim bank", {"financier": "Export-Import Bank of China"}),
        ("value", "12.5 million EUR", {"value_amount": 12.5e6, "value_currency": "EUR"}),
        ("value", "US$173m", {"value_amount": 173e6, "value_currency": "USD"}),
        ("value", "USD 173,000,000", {"value_amount": 173e6, "value_currency": "USD"}),
        ("financing_amount", "Sh60b", {"financing_amount": 60e9, "financing_currency": "KES"}),
        ("year", " 2019 ", {"year": 2019}),
        ("status", "in progress", {"status": "in_progress"}),
        ("alleged", "yes", {"alleged": True}),
        ("alleged", "", {"alleged": False}),
        ("customer", "  Kenya   Police ", {"customer": "Kenya Police"}),
        ("customer", "", {"customer": None}),
        ("value", "", {"value_amount": None, "value_currency": None}),
        ("vendor", "", {"vendor": None}),
    ],
)
def test_values_are_read_as_their_type(vocabulary, field, raw, columns):
    assert check(field, raw, vocabulary, DEAL).columns == columns


@pytest.mark.parametrize(
    ("field", "raw", "reason"),
    [
        ("country", "Narnia", "no country or place"),
        ("country", "", "cannot be blank"),
        ("technologies", "", "cannot be blank"),
        ("technologies", "cameras, tea", "none of"),
        ("value", "173", "no sum with a currency"),
        ("value", "a lot of money", "no sum with a currency"),
        ("year", "soon", "no year of four digits"),
        ("year", "1066", "not between 1950 and 2100"),
        ("year", "２０１９", "no year"),
        ("status", "done", "none of"),
        ("alleged", "perhaps", "none of"),
        ("customer", "???", "no name"),
        ("customer", "x" * 301, "more than 300"),
        ("customer", "a\u202eb", "cannot be seen"),
        ("amount", "3", "no field"),
    ],
)
def test_what_is_no_such_value_is_refused_with_the_reason(vocabulary, field, raw, reason):
    with pytest.raises(RecordError, match=reason):
        check(field, raw, vocabulary, DEAL)


def test_a_deal_keeps_vendor_or_home(vocabulary):
    with pytest.raises(RecordError, match="supplier's country"):
        check("vendor", "", vocabulary, {"vendor": "ZTE", "vendor_country": None})


def test_what_is_shown_reads_back_as_itself(vocabulary):
    deal = {
        "vendor": "Huawei",
        "vendor_country": "CN",
        "country": "CI",
        "technologies": ["safe_city", "drones"],
        "financing_type": "export_credit",
        "financier": "Export-Import Bank of China",
        "financing_amount": 5e6,
        "financing_currency": "EUR",
        "value_amount": 12_500_000.5,
        "value_currency": "XOF",
        "customer": "Police",
        "year": 2020,
        "status": "agreed",
        "alleged": True,
    }
    for field in FIELDS:
        words = shown(field, deal, vocabulary)
        read = check(field.name, words, vocabulary, deal).columns
        wanted = {c: sorted(deal[c]) if field.several else deal[c] for c in field.columns}
        assert {c: read[c] for c in field.columns} == wanted


def test_names_are_completed_from_the_lexicon(vocabulary):
    assert vocabulary.complete("vendor", "huaw")[0] == "Huawei"
    assert vocabulary.complete("country", "ivo") == ["Côte d’Ivoire (CI)"] or vocabulary.complete("country", "cote")
    assert "Export-Import Bank of China" in vocabulary.complete("financier", "export-import bank of ch")
    assert vocabulary.complete("year", "20") == vocabulary.complete("vendor", " ") == []
    assert len(vocabulary.complete("vendor", "a")) == 9
