"""For any hire and any state: a plan changes nothing, and what is performed afterwards is what it says."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent_ops import AgentOps, Caller, Decision, Plan, Profile, Run, RunStatus, Settings, Situation, Step, read_policy
from agent_ops.domain.addresses import candidates
from agent_ops.domain.effects import NOT_YET, Action
from agent_ops.domain.notices import Contacts
from agent_ops.domain.plans import bound
from agent_ops.effectors.mail import MailConfig
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.ledger.binding import Binder
from agent_ops.policies import EXAMPLE
from agent_ops.storage.rows import rows
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph_token import EntraConfig
from tests.conftest import IMPATIENT
from tests.fakes import FakeServices

POLICY = read_policy()
CALLER = Caller("tester", frozenset({"onboard", "link", "admin"}))
OBJECT_ID = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a99"
MISHAPS = ("none", "account", "attributes", "pipelines", "unknown", "groups")


@dataclass(frozen=True)
class Case:
    """A hire, and what the world looks like when the plan is made."""

    profile: Profile
    items: tuple[str, ...] | None
    linked: bool
    disabled_until_start: bool
    foreign: int
    namesakes: int
    mishap: str
    paused: bool
    greedy: tuple[str, ...]
    applied: bool

    @property
    def options(self) -> dict[str, Any]:
        return {"access_items": self.items, "link_existing": OBJECT_ID if self.linked else None}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    some_items = st.lists(st.sampled_from(sorted(POLICY.catalogue)), max_size=5, unique=True).map(tuple)
    days = st.integers(-400, 400).map(lambda n: date.today() + timedelta(days=n))
    profile = Profile(
        draw(st.sampled_from(["Ana Silva", "Zoë Müller", "Sukarno", "李小龍", "Jean-Luc O'Neil"])),
        draw(st.sampled_from(sorted(POLICY.teams))),
        level=draw(st.none() | st.sampled_from(POLICY.levels)),
        location=draw(st.none() | st.sampled_from(sorted(POLICY.locations))),
        manager=draw(st.none() | st.just("Dana Whitfield")),
        joining_date=draw(st.none() | days),
        external_id="E-1",
    )
    return Case(
        profile=profile,
        items=draw(st.none() | some_items),
        linked=draw(st.booleans()),
        disabled_until_start=draw(st.booleans()),
        foreign=draw(st.integers(0, 3)),
        namesakes=draw(st.integers(0, 2)),
        mishap=draw(st.sampled_from(MISHAPS)),
        paused=draw(st.booleans()),
        greedy=draw(some_items),
        applied=draw(st.booleans()),
    )


class Greedy(RunbookPlanner):
    """The runbook, and further items that it was not asked for."""

    def __init__(self, items: tuple[str, ...]) -> None:
        self.items = items

    async def decide(self, situation: Situation) -> Decision:
        decision = await super().decide(situation)
        if situation.observations or not decision.steps:
            return decision
        taken = {step.id for step in decision.steps}
        first = tuple(step.id for step in decision.steps)
        more = [
            Step(f"{agent}-{item}", agent, "more", first, tool, {"item": item})
            for item in self.items
            for agent, tool in (("jenkins", "run_pipeline"), ("entra", "add_to_group"))
        ]
        return replace(decision, steps=(*decision.steps, *(step for step in more if step.id not in taken)))


@contextmanager
def place(case: Case) -> Iterator[Settings]:
    """A data directory and a policy of the case's own."""
    directory = Path(tempfile.mkdtemp())
    policy = directory / "policy.toml"
    text = EXAMPLE.read_text(encoding="utf-8")
    policy.write_text(
        text.replace("[account]\n", f"[account]\ndisabled_until_start = {str(case.disabled_until_start).lower()}\n")
    )
    try:
        yield Settings(
            entra=EntraConfig("tenant", "client", "secret"),
            aws=AwsConfig("eu-central-1", "/jenkins"),
            mail=MailConfig("mail.invalid", 25, "agent-ops@acme.example"),
            contacts=Contacts("first@acme.example", "second@acme.example"),
            data_dir=directory / "data",
            policy_file=policy,
            patience=replace(IMPATIENT, stay=0.0),
            lease=10.0,
        )
    finally:
        shutil.rmtree(directory)


def written(data_dir: Path) -> list[str]:
    """Every row of every database."""
    found = []
    for path in sorted(data_dir.glob("*.db")):
        with closing(sqlite3.connect(path)) as conn:
            found += list(conn.iterdump())
    return found


def done(fakes: FakeServices) -> dict[str, Any]:
    return {action.value: (service.sends, dict(service.done)) for action, service in fakes.services.items()}


async def prepare(case: Case, ops: AgentOps, fakes: FakeServices) -> Run | None:
    """Namesakes, foreign addresses, and an earlier run in which something went wrong."""
    for number in range(case.namesakes):
        await ops.onboard(replace(case.profile, external_id=f"N-{number}", joining_date=None), [])
    names = candidates(case.profile.name, POLICY.domain)
    fakes[Action.CREATE_ACCOUNT].foreign_addresses = {next(names) for _ in range(case.foreign)}
    if case.mishap == "none":
        return None
    down = ["refuse"] * 200
    account = fakes[Action.LINK_ACCOUNT if case.linked else Action.CREATE_ACCOUNT]
    pipelines, troubled = fakes[Action.RUN_PIPELINE], {"account": account, "attributes": fakes[Action.SET_ATTRIBUTES]}
    troubled["groups"] = fakes[Action.ADD_TO_GROUP]
    if case.mishap in troubled:
        troubled[case.mishap].trouble.kinds = down
    if case.mishap == "pipelines":
        pipelines.failing_items = {"aws", "confluence"}
    if case.mishap == "unknown":
        pipelines.trouble.kinds, pipelines.forgetful = ["drop_after"] * 3, True
    with patch.object(Binder, "not_before", return_value=None):
        run = (await ops.onboard(case.profile, **case.options)).run
    for service in fakes.services.values():
        service.trouble.kinds, service.failing_items, service.forgetful = [], set(), False
    return run


async def perform(case: Case, ops: AgentOps, plan: Plan, earlier: Run | None) -> Run | None:
    """By applying the plan, or as if there were none; None when there was nothing to do."""
    if case.applied:
        run = await ops.apply(plan)
        assert (await ops.apply(plan)).id == run.id, "a plan is applied once"
    elif earlier is None:
        run = await ops.submit(case.profile, **case.options)
    elif not plan.effects:
        return None
    else:
        run = await ops.retry(earlier.id)
    while not ((status := (await ops.report(run.id))[0].run.status).ended or status is RunStatus.WAITING):
        await asyncio.sleep(0.01)
    with patch.object(Binder, "not_before", return_value=None):  # the day has come
        if case.paused:
            await ops.resume()
        await ops._system.store.transaction(lambda tx: tx.runs.wake_all())
        await asyncio.wait_for(ops.wait(run.id), 60)
    return run


async def performed(ops: AgentOps, plan: Plan, run: Run | None) -> dict[str, tuple[int, Any]]:
    """The effects of a run by their keys, with attempt and pinned values, as a plan would write them."""
    if run is None or not plan.effects:
        return {}
    sql = "SELECT key, attempt FROM effects WHERE run_id = ?"
    keys = await ops._system.store.read(lambda tx: rows(tx.runs._db, sql, run.id))
    (report,) = await ops.report(run.id)
    found = {}
    for row in keys:
        intent = await ops._system.store.read(lambda tx, key=row["key"]: tx.effects.get(key))  # type: ignore[misc]
        assert intent is not None
        found[row["key"]] = (intent.attempt, bound(intent.pinned), report.employee.entra_id)
    unknown = {effect.key: [n for n, v in effect.pinned.items() if v == NOT_YET] for effect in plan.effects}
    return {
        key: (attempt, {n: NOT_YET if n in unknown.get(key, ()) and v == entra_id else v for n, v in pinned.items()})
        for key, (attempt, pinned, entra_id) in found.items()
    }


async def judge(case: Case) -> None:
    fakes = FakeServices()
    with place(case) as settings:
        async with AgentOps(settings, adapters=fakes.adapters(), caller=CALLER, planner=Greedy(case.greedy)) as ops:
            earlier = await prepare(case, ops, fakes)
            if case.paused:
                await ops.pause(reason="a freeze")
            before = written(settings.data_dir), done(fakes)
            plan = await ops.plan(case.profile, **case.options)
            assert (written(settings.data_dir), done(fakes)) == before, "a plan changes nothing"
            assert Plan.from_text(plan.to_text()) == plan
            assert all(effect.happens for effect in plan.effects)
            run = await perform(case, ops, plan, earlier)
            planned = {effect.key: (effect.attempt, bound(effect.pinned)) for effect in plan.effects}
            assert await performed(ops, plan, run) == planned
            assert not (await ops.plan(case.profile, **case.options)).effects, "nothing is left"


@hypothesis_settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # shrinking takes minutes, and a case reads well as it is
)
@given(case=cases())
def test_what_is_planned_is_what_is_performed_and_planning_changes_nothing(case: Case) -> None:
    asyncio.run(judge(case))
