"""Decisions as gold documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

from click.testing import CliRunner

from pipeline import main
from records import Act
from review.gold import documents
from store.desk import Desk
from tests.review.ledger import CAMERAS
from tests.store.factory import NOW


def test_an_article_says_what_its_own_finding_says_with_the_corrections(db):
    with Desk.open(db) as desk:
        by_vendor = {(i.values["vendor"], i.values["country"]): i.deal_id for i in desk.queue(limit=20).items}
        act = Act(who="ann", at=NOW)
        desk.correct(by_vendor["Huawei", "KE"], {"customer": "Nairobi Police", "year": 2018, "role": "maker"}, act)
        desk.reject(by_vendor["ZTE", "UG"], Act(who="ann", at=NOW, reason="lost the bid"))
        desk.reject(by_vendor["ZTE", "ZM"], act)
        told = {document["id"]: document for document in documents(desk)}
        assert set(told) == {"cameras", "copy"}
        (deal,) = told["cameras"]["deals"]
        assert (deal["customer"], deal["year"], deal["value"]) == (
            "Nairobi Police",
            2018,
            {"amount": 12000000, "currency": "USD"},
        )
        assert deal["financing"] == {"type": "loan", "financier": "China Exim Bank", "amount": None, "currency": None}
        assert all(quote in CAMERAS for quote in deal["evidence"])
        assert sorted(row["country"] for row in told["cameras"]["rejected"]) == ["UG", "ZM"]
        assert told["cameras"]["rejected"][0]["reason"] in ("lost the bid", "")
        # The other paper never named a customer or a sum; it did give the year that was corrected.
        (other,) = told["copy"]["deals"]
        assert (other["customer"], other["value"], other["year"]) == (None, None, 2018)
        assert [d["complete"] for d in told.values()] == [False, False]
        desk.article_done("cameras", act)
        assert [d["id"] for d in documents(desk, complete_only=True)] == ["cameras"]


def test_a_deal_added_by_hand_is_in_its_article(db, tmp_path):
    with Desk.open(db) as desk:
        at = CAMERAS.index("ZTE had bid")
        values = {
            "vendor": "Dahua",
            "vendor_country": "CN",
            "country": "TD",
            "technologies": ["drones"],
            "status": "agreed",
        }
        desk.add(values, [("cameras", at, at + 11)], Act(who="ann", at=NOW))
    out = tmp_path / "gold.jsonl"
    assert CliRunner().invoke(main, ["queue", "export-gold", "--db", str(db), "-o", str(out)]).exit_code == 0
    (document,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert document["deals"][0]["evidence"] == ["ZTE had bid"]
    assert document["deals"][0]["by_hand"]
    assert document["open"] == 3


def test_an_article_that_holds_nothing_is_a_document_without_deals(db):
    with Desk.open(db) as desk:
        assert list(documents(desk)) == []
        desk.article_done("nothing", Act(who="ann", at=NOW))
        desk.article_done("cameras", Act(who="ann", at=NOW))
        told = {document["id"]: document for document in documents(desk)}
    assert (told["nothing"]["deals"], told["nothing"]["complete"]) == ([], True)
    # Three deals of the other one are still open: what is not decided is not to be taught as no deal.
    assert (told["cameras"]["open"], told["cameras"]["complete"]) == (3, False)


def test_training_is_given_the_decided_articles_of_the_ledger_and_nothing_where_none_is_complete(db, monkeypatch):
    given: list[list[str]] = []
    read: list[dict] = []

    def run(arguments: list[str]) -> None:
        given.append(arguments[:-1])
        read.extend(json.loads(line) for line in Path(arguments[-1]).read_text(encoding="utf-8").splitlines())

    # Stands in for the training itself, whose libraries are not installed everywhere.
    stub = ModuleType("extract.train.run")
    stub.main = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "extract.train.run", stub)
    told = ["train", "--epochs", "1", "--with-decisions", str(db)]
    with Desk.open(db) as desk:
        act = Act(who="ann", at=NOW)
        for item in desk.queue(limit=20).items:
            (desk.reject if item.values["vendor"] == "ZTE" else desk.accept)(item.deal_id, act)
        refused = CliRunner().invoke(main, told)
        assert refused.exit_code == 1
        assert "none of 4 articles with decisions is complete" in refused.output
        assert given == []
        desk.article_done("cameras", act)
    made = CliRunner().invoke(main, told)
    assert made.exit_code == 0, made.output
    assert given == [["--epochs", "1", "--decided"]]
    assert {document["id"]: document["complete"] for document in read} == {
        "cameras": True, "copy": False, "hostile": False, "spyware": False,
    }  # fmt: skip
    (cameras,) = [document for document in read if document["complete"]]
    assert ([deal["country"] for deal in cameras["deals"]], cameras["claims_checked"]) == (["KE"], False)
    assert sorted(deal["country"] for deal in cameras["rejected"]) == ["UG", "ZM"]
