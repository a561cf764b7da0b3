"""Each assertion stops the release that breaks it, and names the row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.generate import about
from publish.derive import with_derived
from publish.gate import Before, check


def change(release, table, place=0, **told):
    """The release with one row of one table changed."""
    rows = list(release.rows(table))
    rows[place] = replace(rows[place], **told)
    return replace(release, **{table: rows})


def without(release, table, keep):
    return replace(release, **{table: [row for row in release.rows(table) if keep(row)]})


def test_a_sound_release_passes(generated):
    assert check(with_derived(generated), reviewers=["Ana Reviewer"]) == []


BREAKS = {
    "no deal is accepted": lambda r: replace(r, deals=[], parties=[], technologies=[], instruments=[], events=[], evidence=[], retired=[]),
    "deals has a key twice": lambda r: replace(r, deals=[*r.deals, r.deals[0]]),
    "deals.country does not look as declared": lambda r: change(r, "deals", country="Kenya"),
    "deals.year is out of range": lambda r: change(r, "deals", year=1066),
    "deals.value_amount is out of range": lambda r: change(r, "deals", value_amount=float("nan")),
    "deals.status is none of its choices": lambda r: change(r, "deals", status="dreamt"),
    "deals.accepted_at is blank": lambda r: change(r, "deals", accepted_at=None),
    "deals.alleged is neither true nor false": lambda r: change(r, "deals", alleged=1),
    "sources.url does not look as declared": lambda r: change(r, "sources", url="javascript:alert(1)"),
    "sources.title is an empty text": lambda r: change(r, "sources", title=""),
    "evidence.source_id points at no row of sources": lambda r: without(r, "sources", lambda row: row is not r.sources[5]),
    "parties.deal_id points at no row of deals": lambda r: change(r, "parties", deal_id="Dnone"),
    "a deal has no technology": lambda r: without(r, "technologies", lambda row: row.deal_id != "D000003"),
    "a deal names neither a vendor nor a supplier's country": lambda r: change(r, "deals", vendor=None, vendor_country=None),
    "a vendor without a standard name, or a standard name without a vendor": lambda r: change(r, "deals", vendor_standard=None),
    "a company has two standard names": lambda r: change(r, "deals", vendor_standard="Other", vendor_id=r.deals[1].vendor_id),
    "two companies have one standard name": lambda r: change(r, "deals", vendor_standard=r.deals[1].vendor_standard),
    "a company is two parties": lambda r: replace(r, parties=[replace(row, vendor_id="one") if row.role == "supplier" else row for row in r.parties]),
    "a price without a currency, or a currency without a price": lambda r: change(r, "deals", value_amount=None, value_currency="USD", value_note=None),
    "a published customer leads to no source and no decision": lambda r: without(r, "evidence", lambda row: row.field != "customer"),
    "published technologies lead to no source and no decision": lambda r: without(r, "evidence", lambda row: row.field != "technologies"),
    "published financing leads to no source and no decision": lambda r: without(r, "evidence", lambda row: row.field != "financing"),
    "a deal leads to no source": lambda r: replace(r, evidence=[replace(row, source_id=None, basis="decided") for row in r.evidence]),
    "evidence names no source": lambda r: change(r, "evidence", source_id=None, basis="quoted"),
    "a quote is longer than 300 characters": lambda r: change(r, "evidence", quote="x" * 301, quote_start=0, quote_end=301),
    "a quote is not as long as its offsets say": lambda r: change(r, "evidence", quote="short", quote_start=0, quote_end=99),
    "a source has neither an address nor a page": lambda r: change(r, "sources", url=None, page_sha256=None),
    "an id is both published and retired": lambda r: change(r, "retired", deal_id="D000001"),
    "a merged id leads nowhere": lambda r: change(r, "retired", successor="Dnowhere"),
    "a decision is younger than the release": lambda r: change(r, "deals", accepted_at="2026-03-01T00:00:00Z"),
    "a deal that is not counted does not say why": lambda r: change(r, "deals", counted=False, not_counted_why=None),
    "a quote in a release without quotes": lambda r: replace(r, about=about(quotes=False)),
    "retired.why names who decided": lambda r: change(r, "retired", why="ana reviewer said so"),
    "a price above 50,000,000,000 dollars": lambda r: change(r, "deals", value_amount=6e10, value_currency="USD", value_usd=6e10, value_note="in_dollars"),
    "a deal's year lies after the release": lambda r: change(r, "deals", year=2035),
}  # fmt: skip


@pytest.mark.parametrize(("name", "break_it"), BREAKS.items(), ids=list(BREAKS))
def test_a_fault_stops_the_release(generated, name, break_it):
    faults = check(with_derived(break_it(generated)), reviewers=["Ana Reviewer"])
    assert name in [fault.name for fault in faults]
    assert all(fault.count and fault.example for fault in faults)


def test_a_total_that_does_not_add_up_stops_the_release(generated):
    made = with_derived(generated)
    broken = change(made, "totals", deals=made.totals[0].deals + 1)
    assert "the total of deals is not the number of counted deals" in [fault.name for fault in check(broken)]


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (Before(deals=frozenset({"Dlost"})), "a deal of the former release is gone without a word"),
        (Before(retired=frozenset({"Dold"})), "a retired id of the former release is no longer listed"),
    ],
)
def test_nothing_vanishes_between_releases(generated, before, name):
    assert name in [fault.name for fault in check(with_derived(generated), before=before)]


def test_a_release_that_shrinks_much_is_stopped_unless_asked_for(generated):
    gone = [replace(generated.retired[0], deal_id=f"Dlost{i}", state="withdrawn", successor=None) for i in range(60)]
    made = with_derived(replace(generated, retired=[*generated.retired, *gone]))
    before = Before(deals=frozenset({row.deal_id for row in gone} | {deal.deal_id for deal in generated.deals}))
    assert [fault.name for fault in check(made, before=before)] == [
        "more than 20% of the former release's deals are gone"
    ]
    assert check(made, before=before, allow_shrink=True) == []
