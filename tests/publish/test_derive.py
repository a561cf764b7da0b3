"""Totals count shared sums once; index tables follow from the counted deals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.generate import about
from publish.derive import index_of_countries, not_counted, totals, wide, with_derived
from publish.release import Release
from publish.rows import AcceptedHow, Deal, DealTechnology, NotCounted
from records import Status, Technology


def deal(name: str, country: str = "KE", vendor: str | None = "Huawei", dollars: float | None = 100.0, **told) -> Deal:
    return Deal(
        **{
            "deal_id": name,
            "vendor": vendor,
            "vendor_country": "CN",
            "country": country,
            "country_name": country,
            "status": Status.AGREED,
            "alleged": False,
            "value_amount": dollars,
            "value_currency": dollars and "USD",
            "value_usd": dollars,
            "value_usd_constant": dollars,
            "independent_sources": 1,
            "accepted_at": "2026-01-01T00:00:00Z",
            "accepted_how": AcceptedHow.ACCEPTED,
        }
        | told
    )


def release(*deals: Deal, technology: Technology = Technology.SAFE_CITY) -> Release:
    rows = [DealTechnology(deal_id=one.deal_id, technology=technology) for one in deals]
    return Release(about=about(), deals=deals, technologies=rows)


def total(found, scope="all", name="all"):
    return next(row for row in found if (row.scope, row.name) == (scope, name))


def test_a_shared_sum_counts_once():
    found = totals(release(deal("D1", sum_group="G"), deal("D2", "UG", sum_group="G"), deal("D3", dollars=7.0)))
    assert total(found).value_usd == 107.0
    assert total(found).deals == 3


def test_a_sum_shared_over_countries_is_in_no_countrys_total_but_is_told():
    found = totals(release(deal("D1", sum_group="G"), deal("D2", "UG", sum_group="G"), deal("D3", dollars=7.0)))
    kenya, vendor = total(found, "country", "KE"), total(found, "vendor", "Huawei")
    assert (kenya.value_usd, kenya.shared_left_out, kenya.deals) == (7.0, 1, 2)
    assert (vendor.value_usd, vendor.shared_left_out) == (107.0, 0)


def test_a_price_without_dollars_is_told_and_in_no_sum():
    found = total(totals(release(deal("D1", value_usd=None, value_usd_constant=None), deal("D2", dollars=5.0))))
    assert (found.priced, found.no_dollars, found.value_usd) == (2, 1, 5.0)


@pytest.mark.parametrize(
    ("told", "asked", "why"),
    [
        pytest.param({"status": Status.PROPOSED}, {}, NotCounted.PROPOSED, id="proposed"),
        pytest.param({"status": Status.PROPOSED}, {"proposed": True}, None, id="proposed, asked for"),
        pytest.param(
            {"status": Status.CANCELLED}, {"proposed": True, "umbrella": True}, NotCounted.CANCELLED, id="cancelled"
        ),
        pytest.param({"umbrella": True}, {}, NotCounted.UMBRELLA, id="umbrella"),
        pytest.param({"umbrella": True}, {"umbrella": True}, None, id="umbrella, asked for"),
        pytest.param({"status": Status.OPERATIONAL}, {}, None, id="in use"),
    ],
)
def test_what_is_left_out(told, asked, why):
    assert not_counted(deal("D1", **told), **{"proposed": False, "umbrella": False} | asked) == why


def test_the_index_marks_what_the_deals_tell():
    told = release(deal("D1"), deal("D2", vendor="NEC", vendor_country="JP"), deal("D3", "ZM", counted=False))
    (kenya,) = index_of_countries(told)
    assert (kenya.country, kenya.smart_city, kenya.facial_recognition) == ("KE", True, False)
    assert (kenya.china_tech, kenya.japan_tech, kenya.us_tech) == (True, True, False)
    assert (kenya.companies, kenya.supplier_homes, kenya.deals) == ("Huawei; NEC", "CN; JP", 2)
    assert kenya.belt_and_road is True


def test_number_plates_are_smart_policing_as_in_the_index():
    (kenya,) = index_of_countries(release(deal("D1"), technology=Technology.LICENSE_PLATE_RECOGNITION))
    assert kenya.smart_policing
    assert not kenya.smart_city


def test_a_wide_row_has_its_source_and_sentence(generated):
    rows = wide(generated)
    assert len(rows) == len(generated.deals)
    assert all(row.quote and row.url and row.page_sha256 and row.outlet and row.technologies for row in rows)


def test_tables_that_are_made_agree_with_each_other(generated):
    made = with_derived(generated)
    counted = sum(one.counted for one in made.deals)
    assert sum(row.deals for row in made.index_countries) == counted == total(made.totals).deals
    by_country = [row for row in made.totals if row.scope == "country"]
    left_out = sum(row.shared_left_out for row in by_country)
    assert left_out or sum(row.value_usd for row in by_country) == pytest.approx(total(made.totals).value_usd)
    assert replace(made, deals_wide=()) != made
