import sqlite3

import pytest

from records import DecisionAction
from store.decisions import Decisions, append
from tests.store.factory import NOW

VALUES = {"year": 2014}


@pytest.fixture
def decisions(tmp_path):
    made = Decisions.open(tmp_path / "decisions.db")
    yield made
    made.close()


def decide(decisions, action, subject="D1", **told):
    before = {"state": "pending", "decided": None, "machine": VALUES, "machine_version": "v1"}
    with decisions.store.transaction() as conn:
        return append(
            conn,
            subject=subject,
            who="ana",
            action=DecisionAction(action),
            at=NOW,
            **{"before": before, "after": {"state": "accepted", "decided": VALUES}} | told,
        )


def state(decisions, deal="D1"):
    return decisions.store.one("SELECT state FROM decided WHERE deal_id = ?", (deal,))


def test_decisions_are_kept_in_their_order(decisions):
    first = decide(decisions, "accept", after={"decided": {"year": 2014}})
    decide(decisions, "undo", undoes=[first])
    told = decisions.history("D1")
    assert [(one.action, one.undone) for one in told] == [("accept", True), ("undo", False)]
    assert told[0].after == {"decided": {"year": 2014}}
    assert decisions.history("D2") == []


@pytest.mark.parametrize("change", ["UPDATE decisions SET who = 'eve'", "DELETE FROM decisions"])
def test_a_decision_can_neither_be_changed_nor_deleted(decisions, change):
    decide(decisions, "accept")
    with pytest.raises(sqlite3.IntegrityError, match="add a new one"):
        decisions.store.db.conn.execute(change)
    assert len(decisions.history("D1")) == 1


def test_an_undo_can_be_undone_again(decisions):
    first = decide(decisions, "accept")
    undo = decide(decisions, "undo", undoes=[first])
    assert state(decisions) == "pending"
    decide(decisions, "undo", undoes=[undo])
    assert state(decisions) == "accepted"


def test_two_programs_write_in_turn(tmp_path):
    one, other = (Decisions.open(tmp_path / "decisions.db") for _ in range(2))
    decide(one, "accept")
    decide(other, "reject", subject="D2")
    decide(one, "flag", subject="D2")
    assert [row.subject for row in one.history()] == ["D1", "D2", "D2"]
    one.close()
    other.close()
