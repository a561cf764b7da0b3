import sqlite3

import pytest

from store.decisions import Decisions
from tests.store.factory import NOW


@pytest.fixture
def decisions(tmp_path):
    made = Decisions.open(tmp_path / "decisions.db")
    yield made
    made.close()


def decide(decisions, action, **values):
    return decisions.add(deal_key="huawei>KE", who="ana", action=action, before={}, after=values, at=NOW)


def test_decisions_are_kept_in_their_order(decisions):
    decide(decisions, "accept", year=2014)
    decide(decisions, "undo")
    assert [(row["action"], row["after"]) for row in decisions.history("huawei>KE")] == [
        ("accept", {"year": 2014}),
        ("undo", {}),
    ]
    assert decisions.history("zte>KE") == []


@pytest.mark.parametrize("change", ["UPDATE decisions SET who = 'eve'", "DELETE FROM decisions"])
def test_a_decision_can_neither_be_changed_nor_deleted(decisions, change):
    decide(decisions, "accept")
    with pytest.raises(sqlite3.IntegrityError, match="add a new one"):
        decisions.store.db.conn.execute(change)
    assert len(decisions.history("huawei>KE")) == 1
