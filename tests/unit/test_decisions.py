"""Plans that can be followed, and those that cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.decisions import MAX_STEPS, Situation, Step, check_steps
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.errors import PlannerError
from agent_ops.domain.known import Known, account_exists, unmet
from agent_ops.domain.runs import LifecycleEvent
from agent_ops.graphs.runbook import RunbookPlanner

AGENTS = ("entra", "jenkins")
ACCOUNT = Proposal("entra", Action.CREATE_ACCOUNT, "account")


def step(name: str, *after: str, agent: str = "entra") -> Step:
    return Step(name, agent, "do it", after)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "1 to"),
        ([step("a"), step("a")], "distinct"),
        ([step("a", agent="mallory")], "unknown agent"),
        ([step("a", "ghost")], "unknown steps"),
        ([step("a", "a")], "circle"),
        ([step("a", "b"), step("b", "a")], "circle"),
        ([step(str(n)) for n in range(MAX_STEPS + 1)], "1 to"),
    ],
)
def test_plans_that_cannot_be_followed_are_refused(steps: list[Step], words: str) -> None:
    with pytest.raises(PlannerError, match=words):
        check_steps(steps, AGENTS)


@given(st.integers(1, MAX_STEPS), st.randoms(use_true_random=False))
def test_every_plan_whose_steps_point_backwards_can_be_followed(count: int, random: object) -> None:
    steps = [step(str(n), *(str(m) for m in range(n) if hash((n, m)) % 3 == 0)) for n in range(count)]
    check_steps(steps, AGENTS)


def known(items: dict[str, ItemStatus], *, account: bool, **more: object) -> Known:
    due = (ACCOUNT, *(Proposal("jenkins", Action.RUN_PIPELINE, key) for key in items))
    listed = tuple(AccessItem(key, status) for key, status in items.items())
    return Known("run", LifecycleEvent.JOINER, account, listed, due, **more)  # type: ignore[arg-type]


async def test_the_runbook_plans_everything_at_once() -> None:
    situation = Situation(known({"aws": ItemStatus.PENDING, "github": ItemStatus.PENDING}, account=False), agents=AGENTS)
    decision = await RunbookPlanner().decide(situation)
    assert [(s.agent, s.tool, s.after) for s in decision.steps] == [
        ("entra", "create_account", ()),
        ("jenkins", "run_pipeline", ("account",)),
        ("jenkins", "run_pipeline", ("account",)),
    ]
    check_steps(decision.steps, AGENTS)


async def test_the_runbook_finishes_when_the_account_failed() -> None:
    facts = known({"aws": ItemStatus.PENDING}, account=False, closed={ACCOUNT: "the directory refused"})
    decision = await RunbookPlanner().decide(Situation(facts, agents=AGENTS))
    assert decision.finished
    assert "the directory refused" in (decision.summary or "")


async def test_the_runbook_goes_on_where_a_killed_run_stopped() -> None:
    facts = known(
        {"aws": ItemStatus.COMPLETED, "github": ItemStatus.PENDING},
        account=True,
        done=frozenset({ACCOUNT, Proposal("jenkins", Action.RUN_PIPELINE, "aws")}),
    )
    decision = await RunbookPlanner().decide(Situation(facts, agents=AGENTS))
    assert [s.arguments for s in decision.steps] == [{"item": "github"}]


def test_preconditions_say_why_they_do_not_hold() -> None:
    without, with_account = known({}, account=False), known({}, account=True)
    assert "aws needs the account" in (unmet((account_exists,), without, "aws") or "")
    assert unmet((account_exists,), with_account, "aws") is None
