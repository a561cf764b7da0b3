"""Entities that followthemoney keeps as they are, citations that reference managers read, a feed that readers take."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from lxml import etree

from bench.generate import make_release
from publish.check import check_entities
from publish.citations import write_bibtex, write_csl
from publish.entities import entities, write_entities
from publish.feed import ENTRIES, write_feed
from publish.rows import Instrument, Source
from records import FinancingType

ATOM = "{http://www.w3.org/2005/Atom}"


def by_schema(release):
    found = {}
    for entity in entities(release):
        found.setdefault(entity["schema"], []).append(entity)
    return found


def test_each_deal_is_a_contract_awarded_to_its_supplier(generated):
    told = by_schema(generated)
    assert len(told["Contract"]) == len(generated.deals)
    assert len(told["ContractAward"]) == len(generated.deals)
    assert len(told["Article"]) == len(generated.sources)
    bodies = {entity["id"] for schema in ("Company", "PublicBody", "Organization") for entity in told[schema]}
    for award in told["ContractAward"]:
        assert set(award["properties"]["supplier"]) <= bodies
    assert all(entity["properties"]["summary"] for entity in told["Documentation"])


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (FinancingType.CONCESSIONAL_LOAN, "Debt"),
        (FinancingType.EXPORT_CREDIT, "Debt"),
        (FinancingType.GRANT, "Payment"),
        (FinancingType.OWN_BUDGET, None),
    ],
)
def test_financing_is_a_debt_or_a_payment_from_the_financier(kind, schema):
    release = make_release(60)
    rows = [replace(row, type=kind, amount=5e6, currency="USD", usd=5e6) for row in release.instruments]
    told = by_schema(replace(release, instruments=rows))
    made = told.get(schema, []) if schema else [*told.get("Debt", []), *told.get("Payment", [])]
    assert len(made) == (len(rows) if schema else 0)
    assert all(entity["properties"]["amountUsd"] == ["5000000"] for entity in made)


def test_a_borrower_that_is_not_named_is_made_once_a_country():
    release = make_release(400)
    debts = [
        Instrument(deal_id=deal.deal_id, position=1, type=FinancingType.LOAN)
        for deal in release.deals
        if not deal.customer
    ]
    told = list(entities(replace(release, instruments=debts)))
    assert max(Counter(entity["id"] for entity in told).values()) == 1
    assert [entity for entity in told if entity["id"].startswith("wl-borrower-")]


def test_what_the_library_would_change_or_miss_is_found(generated, tmp_path):
    path = tmp_path / "entities.ftm.json"
    write_entities(generated, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    broken = [json.loads(line) for line in lines]
    contract = next(entity for entity in broken if entity["schema"] == "Contract")
    contract["properties"]["contractDate"] = ["next year"]
    award = next(entity for entity in broken if entity["schema"] == "ContractAward")
    award["properties"]["supplier"] = ["wl-body-none"]
    path.write_text("\n".join(json.dumps(entity) for entity in [*broken, broken[0]]), encoding="utf-8")
    told = "\n".join(check_entities(path))
    assert "contractDate ['next year'] is read as []" in told
    assert "is there twice" in told
    assert "wl-body-none is named and not there" in told


SOURCE = Source(
    source_id="abc123", title="50% of {cameras} & $5m_deal\n#1", outlet="The Daily", source_type="media",
    author="A. N. Author", language="en", published="2019-05", url="https://x.example/a%20b#c",
    retrieved_at="2024-05-01T12:00:00Z", page_sha256="0" * 64,
)  # fmt: skip


def test_bibtex_escapes_what_latex_would_run(tmp_path):
    write_bibtex([SOURCE], tmp_path / "a.bib")
    told = (tmp_path / "a.bib").read_text(encoding="utf-8")
    assert r"title = {{50\% of \{cameras\} \& \$5m\_deal \#1}}" in told
    assert r"url = {https://x.example/a\%20b\#c}" in told
    assert "month = may" in told
    assert "day" not in told
    assert re.sub(r"\\[{}]", "", told).count("{") == re.sub(r"\\[{}]", "", told).count("}")


def test_csl_keeps_partial_dates_partial(tmp_path):
    write_csl([SOURCE, replace(SOURCE, source_id="d", published=None, source_type=None)], tmp_path / "a.json")
    first, second = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert first["issued"] == {"date-parts": [[2019, 5]]}
    assert (first["type"], second["type"]) == ("article-newspaper", "webpage")
    assert "issued" not in second


def test_the_feed_has_the_newest_deals_first_and_is_sound(tmp_path):
    release = make_release(ENTRIES + 20)
    deals = [replace(deal, accepted_at=f"2026-01-{1 + i % 28:02d}T00:00:00Z") for i, deal in enumerate(release.deals)]
    deals[0] = replace(deals[0], vendor="<script>\x07&", accepted_at="2026-01-31T00:00:00Z")
    write_feed(replace(release, deals=deals), tmp_path / "feed.atom")
    feed = etree.parse(tmp_path / "feed.atom").getroot()
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == ENTRIES
    dates = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert dates == sorted(dates, reverse=True)
    assert entries[0].findtext(f"{ATOM}title").startswith("<script>")
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == ENTRIES
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
