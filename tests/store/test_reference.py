"""Reference rows in, and the index's counts out."""

from __future__ import annotations

from pathlib import Path

import pytest

from records import Act, InputError, Status, Technology
from store.book import Book
from store.comparing import compare_references
from store.desk import Desk
from store.headline import headline
from store.ledger import Ledger
from store.reference import import_reference, read_reference
from tests.store.factory import NOW, finding, new_ledger, reading

AIGS = Path(__file__).parent.parent / "fixtures" / "reference" / "aigs2019.csv"
HEAD = "country,iso2,smart_city,companies\n"
ACT = Act(who="ana", at=NOW)

SC, FR, SP, LPR, CCTV = (
    Technology.SAFE_CITY,
    Technology.FACIAL_RECOGNITION,
    Technology.SMART_POLICING,
    Technology.LICENSE_PLATE_RECOGNITION,
    Technology.VIDEO_SURVEILLANCE,
)
# Thirty deals, counted by hand below: vendor, home, country, technologies, status.
DEALS = [
    *[("Huawei", "CN", country, (SC,), "operational") for country in ("KE", "UG", "ZM", "RS", "PK", "LA")],
    *[("Huawei", "CN", country, (SC, FR), "agreed") for country in ("BO", "MY")],
    *[("Huawei", "CN", country, (CCTV,), "unknown") for country in ("FR", "KE")],
    *[("ZTE", "CN", country, (LPR,), "in_progress") for country in ("ET", "ZM", "IR")],
    *[("Hikvision", "CN", country, (FR, CCTV), "operational") for country in ("IN", "GB", "DK")],
    *[("NEC", "JP", country, (FR,), "operational") for country in ("IN", "AR", "GB", "TH")],
    *[("Palantir", "US", country, (SP,), "operational") for country in ("GB", "DE", "NO")],
    *[("Cisco", "US", country, (SC,), "agreed") for country in ("IN", "JO")],
    *[("Thales", "FR", country, (SC,), "agreed") for country in ("MX", "AE")],
    ("Huawei", "CN", "EC", (SC,), "proposed"),
    ("Huawei", "CN", "MT", (SC,), "cancelled"),
    ("NEC", "JP", "US", (FR,), "cancelled"),
]
assert len(DEALS) == 30


@pytest.fixture
def thirty(tmp_path: Path) -> Path:
    """A ledger of thirty accepted deals, and one that nobody has looked at."""
    ledger = new_ledger(tmp_path)
    for number, (vendor, home, country, technologies, status) in enumerate(
        [*DEALS, ("ZTE", "CN", "CU", (CCTV,), "agreed")]
    ):
        found = finding(
            vendor, country, vendor_country=home, technologies=technologies, status=Status(status), confidence=0.5
        )
        # Years apart, so that two deals of one pair stay two.
        ledger.save(reading(f"a{number}", found, published=f"{1990 + number}-05-01"), "v1", "daily")
    ledger.settle()
    import_reference(ledger, AIGS)
    ledger.close()
    db = tmp_path / "watchledger.db"
    with Desk.open(db) as desk:
        for item in list(desk.items()):
            if item.values["country"] != "CU":
                desk.accept(item.deal_id, ACT)
    return db


def counts(db: Path, **options) -> dict[str, tuple[int, int, int]]:
    with Book.open(db) as book:
        return {line.label: (line.references, line.ledger, line.together) for line in headline(book, **options).lines}


def test_the_index_s_own_table_gives_its_counts_and_says_where_its_text_differs(tmp_path):
    ledger = Ledger.open(tmp_path / "x.db")
    assert import_reference(ledger, AIGS).rows == 75
    ledger.close()
    with Book.open(tmp_path / "x.db") as book:
        told = headline(book)
    found = {line.label: line.references for line in told.lines}
    assert found | {"Hikvision": 15, "Palantir": 9} == found
    assert {
        "countries": 75,
        "smart city": 56,
        "facial recognition": 64,
        "smart policing": 53,
        "Chinese technology": 63,
        "of which in Belt and Road countries": 36,
        "US technology": 32,
        "Japanese technology": 17,
        "Huawei": 49,
        "NEC": 14,
    }.items() <= found.items()
    assert [note.split(";")[0] for note in told.notes[:3]] == [
        "smart policing: the rows of aigs2019 give 53, the published text says 52",
        "Huawei: the rows of aigs2019 give 49, the published text says at least 50",
        "IBM: the rows of aigs2019 give 10, the published text says 11",
    ]


def test_a_hand_checked_ledger_of_thirty_deals_gives_its_own_table(thirty):
    told = counts(thirty, companies=("Huawei", "NEC", "Thales"))
    assert {label: ledger for label, (_, ledger, _) in told.items()} == {
        # KE UG ZM RS PK LA BO MY FR ET IR IN GB DK AR TH DE NO JO MX AE
        "countries": 21,
        # six and two of Huawei, IN and JO of Cisco, MX and AE of Thales
        "smart city": 12,
        # BO MY, IN GB DK, AR TH beside them
        "facial recognition": 7,
        # ET ZM IR by number plates, GB DE NO by Palantir
        "smart policing": 6,
        # KE UG ZM RS PK LA BO MY FR ET IR IN GB DK
        "Chinese technology": 14,
        # of these the index marks KE RS PK LA BO MY IR; not UG ZM FR IN GB DK; it does not list ET
        "of which in Belt and Road countries": 7,
        "US technology": 5,
        "Japanese technology": 4,
        "Huawei": 9,
        "NEC": 4,
        "Thales": 2,
    }


def test_deals_that_nobody_reviewed_count_only_when_asked_for(thirty):
    assert counts(thirty)["countries"][1] == 21
    assert counts(thirty, undecided=True)["countries"][1] == 22
    with Book.open(thirty) as book:
        [note] = [note for note in headline(book).notes if note.startswith("of the ledger")]
    assert note == "of the ledger 27 deals count; left out: 2 cancelled, 1 pending, 1 proposed"


def test_compare_tells_confirmed_lacking_contradicted_and_beyond(thirty):
    with Desk.open(thirty) as desk:
        rejected = next(
            i for i in desk.items(told=everything()) if i.values["vendor"] == "ZTE" and i.values["country"] == "ZM"
        )
        desk.reject(rejected.deal_id, Act(who="ana", at=NOW, reason="another project"))
        told = {(one.kind, one.country, one.value): one for one in compare_references(desk)}
    assert told["company", "KE", "Huawei"].verdict == "confirms"
    assert len(told["company", "KE", "Huawei"].deals) == 2
    assert told["company", "ZM", "ZTE"].verdict == "contradicts"
    assert told["company", "ZM", "ZTE"].deals == (rejected.deal_id,)
    assert told["company", "MT", "Huawei"].verdict == "contradicts", "cancelled, by the ledger"
    assert told["company", "AM", "Hikvision"].verdict == "lacks"
    assert told["country", "JO", ""].verdict == "beyond"
    assert told["technology", "JO", "smart_city"].verdict == "beyond"
    assert told["supplier_home", "KE", "china_tech"].verdict == "confirms"


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    """Three accepted deals of one company under two names, one of a company without an id, and a reference."""
    ledger = new_ledger(tmp_path)
    for number, (vendor, vendor_id, country) in enumerate(
        [("FLIR", "flir", "KE"), ("Teledyne FLIR", "flir", "RS"), ("FLIR", "flir", "UG"), ("Acme", None, "UG")]
    ):
        found = finding(vendor, country, vendor_id=vendor_id, vendor_country="US")
        ledger.save(reading(f"a{number}", found, published=f"{2000 + number}-05-01"), "v1", "daily")
    ledger.settle()
    (tmp_path / "known.csv").write_text("vendor,iso2\nTeledyne FLIR,KE\nflir,ZM\nAcme,UG\n")
    import_reference(ledger, tmp_path / "known.csv")
    ledger.close()
    with Desk.open(tmp_path / "watchledger.db") as desk:
        for item in list(desk.items()):
            desk.accept(item.deal_id, ACT)
    return tmp_path / "watchledger.db"


@pytest.mark.parametrize(
    ("standard", "name"),
    [
        pytest.param({"flir": "Teledyne FLIR"}, "Teledyne FLIR", id="the lexicon's name"),
        pytest.param({"flir": "FLIR Systems"}, "FLIR Systems", id="a name that no text uses"),
        pytest.param(None, "FLIR", id="without a lexicon, as most texts say"),
    ],
)
def test_a_company_that_texts_name_differently_is_one_in_headline_and_compare(renamed, standard, name):
    told = counts(renamed, standard=standard)
    companies = {label: told[label] for label in list(told)[list(told).index("Japanese technology") + 1 :]}
    assert companies == {name: (2, 3, 4), "Acme": (1, 1, 1)}
    assert counts(renamed, standard=standard, companies=("flir",))[name] == (2, 3, 4)
    with Book.open(renamed) as book:
        facts = {one.country: one for one in compare_references(book, standard=standard) if one.value == name}
    assert {country: one.verdict for country, one in facts.items()} == {
        "KE": "confirms", "RS": "beyond", "UG": "beyond", "ZM": "lacks",
    }  # fmt: skip


def test_a_name_that_people_set_is_the_company_that_goes_by_it(renamed):
    with Desk.open(renamed) as desk:
        acme = next(item for item in desk.items(told=everything()) if item.values["vendor"] == "Acme")
        desk.correct(acme.deal_id, {"vendor": "Teledyne FLIR"}, ACT)
        assert [item.vendor_id for item in desk.items(told=everything()) if item.deal_id == acme.deal_id] == [None]
    assert counts(renamed, standard={"flir": "Teledyne FLIR"})["Teledyne FLIR"] == (2, 3, 4)


def everything():
    from store.views import QueueFilter

    return QueueFilter(states=())


def test_importing_again_replaces_and_other_sets_stay(tmp_path):
    ledger = new_ledger(tmp_path)
    import_reference(ledger, AIGS)
    once = ledger.store.one("SELECT COUNT(*) FROM reference_rows")
    import_reference(ledger, AIGS)
    assert ledger.store.one("SELECT COUNT(*) FROM reference_rows") == once
    more = tmp_path / "more.csv"
    more.write_text("vendor,iso2,technologies,year\nHuawei,KE,safe_city,2014\nHuawei,KE,,\n")
    assert import_reference(ledger, more).shape == "deals"
    ledger.close()
    with Book.open(tmp_path / "watchledger.db") as book:
        told = headline(book, companies=["Huawei"])
    assert told.names == ("aigs2019", "more")
    assert told.lines[0].references == 75


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", "no header", id="an empty file"),
        pytest.param("a,b\n1,2\n", "no known shape", id="unknown columns"),
        pytest.param(HEAD, "no rows", id="a header alone"),
        pytest.param(HEAD + "Kenya,Kenya,1,Huawei\n", "x:2: 'Kenya' is no ISO 3166-1 code", id="a name for a code"),
        pytest.param(HEAD + "Kenya,KE,yes,Huawei\n", "x:2: column smart_city holds 'yes'", id="a word for a mark"),
        pytest.param(HEAD + "Kenya,KE,1,A\nKenya,KE,1,A\n", "x:3: KE stands in line 2", id="a country twice"),
        pytest.param(HEAD + "Kenya,KE,1\n", "x:2: has fewer fields", id="a field short"),
        pytest.param(HEAD + "Kenya,KE,1,A,B\n", "x:2: has more fields", id="a field too many"),
        pytest.param("vendor,iso2\n,KE\n", "x:2: names no vendor", id="a deal of nobody"),
    ],
)
def test_what_cannot_be_taken_as_it_stands_is_refused_with_its_line(text, fault):
    with pytest.raises(InputError, match=fault):
        read_reference(text, "x")


def test_a_word_in_place_of_names_is_no_company():
    _, rows, _ = read_reference(HEAD + 'China,CN,1,"Huawei, Huawei, multiple"\n', "x")
    assert [(kind, value) for _, _, kind, value, _ in rows] == [
        ("country", "China"),
        ("flag", "smart_city"),
        ("company", "Huawei"),
        ("flag", "companies_untold"),
    ]
