"""How a run did: counted from facts, and words that disagree with the counts are dropped."""

from __future__ import annotations

import pytest

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.evaluation import Evaluation, contradicts
from agent_ops.domain.fates import evaluate
from agent_ops.domain.known import Known
from agent_ops.domain.runs import LifecycleEvent

ACCOUNT = Proposal("entra", Action.CREATE_ACCOUNT, "account")
AWS, GITHUB, DATABASE = (Proposal("jenkins", Action.RUN_PIPELINE, item) for item in ("aws", "github", "database"))
MAIL = Proposal("notify", Action.SEND_MAIL, "access")
WELL, PARTLY = Evaluation(done=5), Evaluation(done=3, refused=1, failed=1)


def test_every_due_thing_has_one_fate_and_mails_have_none() -> None:
    known = Known(
        "r",
        LifecycleEvent.JOINER,
        True,
        (
            AccessItem("aws", ItemStatus.COMPLETED),
            AccessItem("github", ItemStatus.FAILED),
            AccessItem("database", ItemStatus.UNKNOWN),
            AccessItem("payroll", ItemStatus.DENIED),
        ),
        due=(ACCOUNT, AWS, GITHUB, DATABASE, MAIL),
        done=frozenset({ACCOUNT, AWS}),
        closed={GITHUB: "failed", DATABASE: "may be"},
        unknown=frozenset({DATABASE}),
    )
    counted = evaluate(known, [True, False], 1.25, "all fine")
    assert (counted.done, counted.refused, counted.failed, counted.unknown) == (3, 1, 2, 1)
    assert counted.asked == 7
    assert counted.remark == ""
    assert Evaluation.from_json(counted.to_json()) == counted
    assert counted.counts == "asked 7, done 3, refused 1, failed 2, unknown 1 in 1.2 s"


def test_what_is_held_is_refused() -> None:
    known = Known("r", LifecycleEvent.JOINER, False, (), due=(ACCOUNT,), closed={ACCOUNT: "?"}, held="whose account?")
    assert evaluate(known, [], 0.0).refused == 1


@pytest.mark.parametrize(
    ("said", "evaluation"),
    [
        ("everything is in place", PARTLY),
        ("all done", PARTLY),
        ("4 of 5 are done", PARTLY),
        ("2 items failed", PARTLY),
        ("completed successfully", PARTLY),
        ("one failed", WELL),
        ("the database was refused", WELL),
        ("5 of 6", WELL),
    ],
)
def test_words_that_lose_to_the_facts(said: str, evaluation: Evaluation) -> None:
    assert contradicts(said, evaluation)


@pytest.mark.parametrize(
    ("said", "evaluation"),
    [
        ("account and two pipelines are in place, github is not", PARTLY),
        ("3 of 5; 1 failed, 1 denied", PARTLY),
        ("not all of it is there", PARTLY),
        ("everything is in place", WELL),
        ("nothing failed, 0 failed, no item was refused", WELL),
        ("5 of 5 done", WELL),
    ],
)
def test_words_that_agree(said: str, evaluation: Evaluation) -> None:
    assert not contradicts(said, evaluation)
