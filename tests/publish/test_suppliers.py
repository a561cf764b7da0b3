"""One company under two names is one: in the parties, the totals, the index, the pictures and the entities."""

from __future__ import annotations

import re

import pytest

from extract.lexicon import known_vendors
from publish.check import check_entities
from publish.derive import with_derived
from publish.entities import entities, write_entities
from publish.gate import check
from publish.pictures.matrix import draw_matrix
from publish.pictures.network import draw_network
from records import Financing, FinancingType, Money
from store.desk import Desk
from tests.publish.ledger import Story, act, deal_of, make_workspace
from tests.publish.test_read import of, read

FLIR = "teledyne-flir"


def story(name: str, vendor: str, country: str, *, vendor_id: str = FLIR, **told) -> Story:
    text = f"{vendor} sold cameras to {name.title()} in 2019, officials said."
    words = (("vendor", vendor), ("country", name.title()), ("technologies", "cameras"), ("year", "2019"))
    return Story(
        **{"name": name, "text": text, "vendor": vendor, "country": country, "vendor_id": vendor_id, "home": "US"}
        | {"year": 2019, "words": words}
        | told
    )


LOAN = Financing(
    type=FinancingType.VENDOR_FINANCING, financier="FLIR", money=Money(amount=2e6, currency="USD", raw="$2 million")
)
STORIES = (
    story("kenya", "FLIR", "KE", financing=LOAN),
    story("serbia", "Teledyne FLIR", "RS"),
    story("uganda", "Acme Watch", "UG", vendor_id="acme-watch"),
)


@pytest.fixture(scope="module")
def two_names(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("two-names"), STORIES)


@pytest.fixture(scope="module")
def release(two_names):
    return with_derived(read(two_names))


def test_a_deal_keeps_the_name_that_its_document_uses_and_tells_the_company(release):
    assert {deal.country: (deal.vendor, deal.vendor_id, deal.vendor_standard) for deal in release.deals} == {
        "KE": ("FLIR", FLIR, "Teledyne FLIR"),
        "RS": ("Teledyne FLIR", FLIR, "Teledyne FLIR"),
        "UG": ("Acme Watch", None, "Acme Watch"),  # an id that the lexicon does not have leads nowhere
    }
    assert check(release) == []


def test_two_names_of_a_company_are_one_party_with_the_other_name_beside(release):
    suppliers = {row.deal_id: row for row in release.parties if row.role == "supplier"}
    kenya, serbia, uganda = (suppliers[of(release, country).deal_id] for country in ("KE", "RS", "UG"))
    assert kenya.party_id == serbia.party_id != uganda.party_id
    assert (kenya.name, kenya.aliases, kenya.country, kenya.vendor_id) == ("Teledyne FLIR", "FLIR", "US", FLIR)
    assert (serbia.name, serbia.aliases) == ("Teledyne FLIR", None)
    assert (uganda.name, uganda.aliases, uganda.vendor_id) == ("Acme Watch", None, None)


def test_totals_and_index_count_a_company_once(release):
    vendors = {row.name: row.deals for row in release.totals if row.scope == "vendor"}
    assert vendors == {"Teledyne FLIR": 2, "Acme Watch": 1}
    assert {row.country: row.companies for row in release.index_countries}["KE"] == "Teledyne FLIR"


def test_two_names_in_one_country_are_one_company_of_it(tmp_path):
    stories = (story("kenya", "FLIR", "KE"), story("kenia", "Teledyne FLIR", "KE", year=2011))
    release = with_derived(read(make_workspace(tmp_path, stories)))
    assert len(release.deals) == 2
    (row,) = release.index_countries
    assert (row.deals, row.companies) == (2, "Teledyne FLIR")
    assert [row.vendors for row in release.country_technology] == [1]


@pytest.mark.parametrize("draw", [draw_matrix, draw_network])
def test_the_pictures_show_a_company_once(release, draw):
    drawn = draw(release)
    assert "Teledyne FLIR" in drawn
    assert not re.search(r">FLIR", drawn)


def test_a_company_is_one_entity_that_its_loan_leads_to(release, tmp_path):
    write_entities(release, tmp_path / "entities.ftm.json")
    assert check_entities(tmp_path / "entities.ftm.json") == []
    told = list(entities(release))
    (company,) = [one for one in told if "Teledyne FLIR" in one["properties"].get("name", ())]
    assert (company["schema"], company["properties"]["alias"]) == ("Company", ["FLIR"])
    (debt,) = [one for one in told if one["schema"] == "Debt"]
    assert debt["properties"]["creditor"] == [company["id"]]
    awards = [
        one for one in told if one["schema"] == "ContractAward" and one["properties"]["supplier"] == [company["id"]]
    ]
    assert len(awards) == 2


def test_a_vendor_that_an_analyst_sets_by_the_lexicons_name_is_that_company(tmp_path):
    ledger = make_workspace(tmp_path, STORIES)
    with Desk.open(ledger) as desk:
        desk.correct(deal_of(ledger, "UG"), {"vendor": "Teledyne FLIR", "vendor_country": "US"}, act(days=1))
        desk.correct(deal_of(ledger, "RS"), {"vendor": "Somebody Else"}, act(days=1))
    told = read(ledger)
    assert of(told, "UG").vendor_id == FLIR
    assert (of(told, "RS").vendor_id, of(told, "RS").vendor_standard) == (None, "Somebody Else")


def test_a_workspaces_own_lexicon_names_its_companies(two_names, tmp_path):
    (tmp_path / "vendors.csv").write_text(
        "name,aliases,country,technologies,common_word\nAcme-Watch,Acme Watch,GB,video_surveillance,0\n"
    )
    told = read(two_names, vendors=known_vendors(tmp_path))
    assert (of(told, "UG").vendor, of(told, "UG").vendor_standard) == ("Acme Watch", "Acme-Watch")
