"""The first sign-in at the twins: cut connections, and processes killed at every moment around the calls."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_ops import AgentOps, Profile, RunReport, Sandbox, Settings
from agent_ops.domain.effects import Action, Proposal
from agent_ops.effectors.graph import GraphSession
from agent_ops.ledger.access_passes import ISSUE
from agent_ops.ledger.door import Ledger
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.sandbox.addresses import Addresses
from tests.integration.test_first_sign_in import DESK, refusal

PASSES = "/v1.0/users/.*/authentication/temporaryAccessPassMethods"


@asynccontextmanager
async def at_the_twins(box: Sandbox, data_dir: Path) -> AsyncIterator[AgentOps]:
    settings = Settings.for_sandbox(box.addresses, data_dir)
    async with AgentOps(replace(settings, entra=replace(settings.entra, timeout=1.0)), caller=DESK) as ops:
        yield ops


async def hired(ops: AgentOps, name: str) -> RunReport:
    report = await ops.onboard(Profile(name, "Engineering", level="L2", location="Lisbon", external_id=name), ["m365"])
    assert report.employee.entra_id, report
    return report


def changes(box: Sandbox, account: str) -> list[str]:
    """What became of the account's passes at the service, in order."""
    calls = [call for call in box.effects("entra") if call.effect.startswith("entra.access_pass")]
    return [call.effect.removeprefix("entra.access_pass") or ".made" for call in calls if call.detail.get("user") == account]


async def usable(ops: AgentOps, account: str) -> list[str]:
    graph = GraphSession(ops._settings.entra)
    found = await graph.get(f"/users/{account}/authentication/temporaryAccessPassMethods")
    await graph.close()
    return [kept["id"] for kept in found["value"] if kept["isUsable"]]


async def recorded(ops: AgentOps, employee_id: str) -> list[str]:
    effects = await ops._system.store.read(lambda tx: tx.effects.of_employee(employee_id))
    return [i.result["id"] for i in effects if i.proposal == ISSUE and i.result]


async def test_over_the_wire_there_is_one_usable_pass(box: Sandbox, tmp_path: Path) -> None:
    async with at_the_twins(box, tmp_path) as ops:
        report = await hired(ops, "Wanda Wire")
        account = str(report.employee.entra_id)
        await ops.first_sign_in("Wanda Wire")
        await ops.first_sign_in("Wanda Wire")
        assert changes(box, account) == [".made", ".delete", ".made"]
        assert await usable(ops, account) == (await recorded(ops, report.employee.id))[-1:]
        await box.befall_method(account, "used")
        assert "signed in" in await refusal(ops, "Wanda Wire")
        assert changes(box, account) == [".made", ".delete", ".made"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
async def test_a_cut_connection_leaves_one_usable_pass(box: Sandbox, tmp_path: Path, kind: FaultKind) -> None:
    async with at_the_twins(box, tmp_path) as ops:
        report = await hired(ops, f"Cut {kind.value.title().replace('_', ' ')}")
        account = str(report.employee.entra_id)
        await box.fault(Fault("entra", kind, "POST", PASSES, times=1))
        made = await ops.first_sign_in(report.employee.id)
        assert made.secret.take() and made.replaced is (kind is FaultKind.DROP_AFTER)
        assert await usable(ops, account) == (await recorded(ops, report.employee.id))[-1:]


def kill_at(point: str) -> None:
    """Patch this process so that it dies at the point."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    call, perform = GraphSession.call, Ledger.perform

    async def calling(self: GraphSession, method: str, path: str, json: dict[str, Any] | None = None) -> dict[str, Any]:
        about = "temporaryAccessPassMethods" in path
        if about and point == f"before {method}":
            die()
        answer = await call(self, method, path, json)
        if about and point == f"after {method}":
            die()
        return answer

    async def performing(self: Ledger, run_id: str, proposal: Proposal) -> Any:
        if point == f"before {proposal.action.value}":
            die()
        outcome = await perform(self, run_id, proposal)
        if point == f"recorded {proposal.action.value}":
            die()
        return outcome

    GraphSession.call = calling  # type: ignore[method-assign]
    Ledger.perform = performing  # type: ignore[method-assign]


def ask_and_die(addresses: Addresses, data_dir: str, employee: str, point: str) -> None:
    kill_at(point)

    async def ask() -> None:
        settings = Settings.for_sandbox(addresses, Path(data_dir))
        async with AgentOps(replace(settings, entra=replace(settings.entra, timeout=1.0)), caller=DESK) as ops:
            await ops.first_sign_in(employee)

    asyncio.run(ask())


KILLS = [
    *(f"before {Action.ISSUE_ACCESS_PASS.value}", "before POST", "after POST", f"recorded {Action.ISSUE_ACCESS_PASS.value}"),
    *("before DELETE", "after DELETE", f"recorded {Action.WITHDRAW_ACCESS_PASS.value}"),
]


@pytest.mark.slow
@pytest.mark.parametrize("point", KILLS)
async def test_killed_at_any_moment_the_next_asker_gets_the_only_usable_pass(box: Sandbox, tmp_path: Path, point: str) -> None:
    async with at_the_twins(box, tmp_path) as ops:
        report = await hired(ops, f"Killed {KILLS.index(point)}")
        employee, account = report.employee.id, str(report.employee.entra_id)
        if "DELETE" in point or "withdraw" in point:
            await ops.first_sign_in(employee)
    spawn = multiprocessing.get_context("spawn")
    victim = spawn.Process(target=ask_and_die, args=(box.addresses, str(tmp_path), employee, point))
    victim.start()
    await asyncio.to_thread(victim.join, 60)
    assert victim.exitcode == -signal.SIGKILL
    async with at_the_twins(box, tmp_path) as ops:
        made = await ops.first_sign_in(employee)
        assert made.secret.take()
        assert await usable(ops, account) == (await recorded(ops, employee))[-1:]
    history = changes(box, account)
    assert history.count(".made") - history.count(".delete") == 1, history
    assert history == ([".made", ".delete"] * len(history))[: len(history)], "a pass took the place of a usable one"
    assert made.replaced is (len(history) > 1 and point != f"recorded {Action.WITHDRAW_ACCESS_PASS.value}")
