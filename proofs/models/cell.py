"""One run whose planner asks a model that misbehaves, judged by what the services recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from pydantic import SecretStr

from agent_ops import AgentOps
from agent_ops.domain.errors import RunFailed
from agent_ops.transport.model_config import ModelConfig
from proofs.judge import Account, Files, Verdict
from proofs.lane import Lane
from proofs.lives import Life, settings_of
from proofs.model_server import Behaviour, Call, ModelServer, Reply, competent, is_planner, serving
from proofs.models.misbehaviours import MODEL_SECONDS, Misbehaviour
from proofs.models.tokens import counted, estimated

WHEN = ("always", "once", "half the time")
"""When a model misbehaves, by the seed."""
STEP_BUDGET = 20
"""Decisions of a run, at most: the built-in bound, which a policy can only narrow."""
CALL_BUDGET = 12
"""Model calls of a run, at most: the default of AGENT_OPS_MODEL_CALLS_PER_RUN."""
_TRIES = 2
"""Requests that one call may make: the client tries once more."""
_ENDS = {"done", "failed", "refused", "cancelled", "held"}
RUN_SECONDS = 60.0


@dataclass(frozen=True)
class Task:
    """What is asked for.

    Args:
        prepare: a life of its own in a lane's sandbox.
        work: ask for it and wait; True when it came to its end in time.
        good: what a competent model answers.
        onboards: it changes what an undisturbed onboarding changes; else it may change nothing.
    """

    name: str
    work: Callable[[AgentOps, Life], Awaitable[bool]]
    good: Behaviour = competent
    onboards: bool = True


@dataclass(frozen=True)
class Cell:
    """A task, a way to misbehave (None: the model is competent), and what is drawn."""

    task: Task
    kind: Misbehaviour | None
    seed: int

    @property
    def name(self) -> str:
        return f"{self.kind.name if self.kind else 'a competent model'} / {self.task.name} / seed {self.seed}"

    @property
    def when(self) -> str:
        return WHEN[(self.seed - 1) % len(WHEN)]


@dataclass
class Result:
    """What came of a cell. ``prompt``: the tokens of what was asked, counted and estimated."""

    cell: Cell
    status: str = "none"
    ended: bool = False
    calls: int = 0
    requests: int = 0
    thoughts: int = 0
    by: str = "itself"
    seconds: float = 0.0
    prompt: tuple[int | None, int] = (None, 0)
    verdict: Verdict = field(default_factory=Verdict)
    account: Account | None = None

    @property
    def explicit(self) -> bool:
        """Whether the run ended, in time and in a status."""
        return self.ended and self.status in _ENDS

    @property
    def within_budget(self) -> bool:
        return self.thoughts <= STEP_BUDGET + 1 and self.calls <= CALL_BUDGET and self.requests <= self.calls * _TRIES

    @property
    def unauthorised(self) -> list[str]:
        """Changes at the services that an undisturbed onboarding does not make."""
        return self.verdict.duplicates

    @property
    def completed(self) -> bool:
        return self.status == "done" and self.verdict.good


class Mind:
    """What the model server answers in one cell."""

    def __init__(self, cell: Cell) -> None:
        self._cell, self._rng = cell, Random(cell.name)
        self._struck = self._rng.choice((1, 2))

    def __call__(self, messages: list[dict[str, Any]], number: int) -> Reply:
        good = self._cell.task.good(messages, number)
        strikes = {"always": True, "once": number == self._struck, "half the time": self._rng.random() < 0.5}[self._cell.when]
        return self._cell.kind.distort(good, self._rng) if self._cell.kind and strikes else good


async def play(cell: Cell, lane: Lane, expected: Account | None, number: int) -> Result:
    """Play a cell in a lane's sandbox, through the real clients, and judge it."""
    life, result = await lane.fresh(), Result(cell)
    began = time.monotonic()
    async with serving(ModelServer(Mind(cell))) as server:
        config = ModelConfig("scripted", SecretStr(server.key), server.url, timeout=MODEL_SECONDS, stream=number % 2 == 0)
        async with AgentOps(replace(settings_of(life), model=config)) as ops:
            result.ended = await cell.task.work(ops, life)
        result.requests = len(server.requests)
        result.prompt = counted(server.requests), estimated(server.requests)
        result.by = "repair" if any(_repaired(body) for body in server.requests) else "itself"
    result.seconds = time.monotonic() - began
    await asyncio.to_thread(_judge, result, lane, life, expected)
    return result


def _repaired(body: dict[str, Any]) -> bool:
    return is_planner(body["messages"]) and "cannot be followed" in json.dumps(body["messages"][-1])


def _judge(result: Result, lane: Lane, life: Life, expected: Account | None) -> None:
    """By the twins' records and the database as it lies on the disk."""
    files = Files(life.data_dir)
    for row in files.rows("SELECT status, model_calls FROM runs"):
        result.status, result.calls = row["status"], row["model_calls"]
    thoughts = files.rows("SELECT status, message FROM events WHERE kind = 'thought'")
    result.thoughts = sum(row["status"] != "failed" for row in thoughts)
    if any(row["status"] == "failed" for row in thoughts):
        result.by = "runbook"
    if result.cell.task.onboards:
        result.verdict, result.account = lane.judged(life, expected)
    else:
        result.verdict = Verdict(duplicates=[f"{call.effect} {json.dumps(call.detail)}" for call in lane.recorded()])


async def onboard(ops: AgentOps, life: Life) -> bool:
    """Onboard the life's hire."""
    hire = life.hires[0]
    run = await ops.submit(hire.profile, hire.items)
    try:
        await asyncio.wait_for(ops.wait(run.id), RUN_SECONDS)
    except asyncio.TimeoutError:
        return False
    return True


def open_goals(messages: list[dict[str, Any]], number: int) -> Reply:
    """A competent plan whose first and last steps name no tools: their agents ask the model what to call."""
    good = competent(messages, number)
    if not is_planner(messages):
        return good
    decision = json.loads(good.calls[0].arguments)
    for step in decision.get("steps", [])[:: max(1, len(decision.get("steps", [])) - 1)]:
        item = step.pop("arguments").get("item")
        step["goal"] = step.pop("tool") + (f"({item})" if item else "")
    return Reply([Call(json.dumps(decision))])


async def read(ops: AgentOps, life: Life) -> bool:
    """Ask for what stands at GitHub's twin."""
    try:
        await ops.execute_task("List open pull requests of acme/web", timeout=RUN_SECONDS)
    except RunFailed:
        return False
    return True


def reads(messages: list[dict[str, Any]], number: int) -> Reply:
    """One list, then an answer with its source."""
    if not is_planner(messages):
        return Reply(text="there is nothing to ask for")
    if "step s1" not in str(messages[-1]["content"]) and "step m:s1" not in str(messages[-1]["content"]):
        step = {"id": "s1", "agent": "github", "tool": "list_pull_requests", "arguments": {"repository": "acme/web"}}
        return Reply([Call(json.dumps({"thought": "one list answers it", "steps": [step]}))])
    return Reply([Call(json.dumps({"thought": "it was read: answer", "summary": "they are listed (GitHub: acme/web#5200)"}))])


TASKS: tuple[Task, ...] = (
    Task("onboarding", onboard),
    Task("onboarding, open goals", onboard, open_goals),
    Task("reading", read, reads, onboards=False),
)
