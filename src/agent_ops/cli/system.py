"""From a command's options to a running system: the sandbox when asked for, else the environment's settings."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from agent_ops.agents import load_agents
from agent_ops.cli.operator import operator
from agent_ops.domain.effects import OPERATOR
from agent_ops.domain.errors import NotFound
from agent_ops.domain.grants import Caller
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.policies import read_policy
from agent_ops.runtime import AgentOps
from agent_ops.runtime.advising import Advisor
from agent_ops.runtime.api_keys import ApiKeyBook
from agent_ops.runtime.breakers import BreakerPanel
from agent_ops.runtime.compose import DATABASE, NOTIFIER, System, compose, open_store
from agent_ops.runtime.kill_switch import KillSwitch
from agent_ops.runtime.logs import configure_logging
from agent_ops.runtime.opening import settings_for
from agent_ops.runtime.remembering import PatternMemory
from agent_ops.sandbox import Sandbox
from agent_ops.settings import PolicyEnvironment
from agent_ops.storage import Store
from agent_ops.transport.redaction import redactor


@contextlib.asynccontextmanager
async def opened(
    data_dir: Path, policy_file: Path | None, *, in_sandbox: bool, stage_delay: float | None = None
) -> AsyncIterator[tuple[AgentOps, Sandbox | None]]:
    """The system, and its sandbox when there is one.

    Raises:
        ConfigurationError: settings are missing, or the sandbox is not installed.
    """
    async with (
        settings_for(data_dir, policy_file, in_sandbox, stage_delay) as (settings, box),
        AgentOps(settings, caller=operator(read_policy(settings.policy_file), settings.data_dir)) as ops,
    ):
        yield ops, box


@contextlib.asynccontextmanager
async def composed(data_dir: Path, policy_file: Path | None, *, in_sandbox: bool) -> AsyncIterator[System]:
    """The system at rest: it drives no run and delivers no mail, so that a plan changes nothing.

    Raises:
        ConfigurationError: settings are missing, or the sandbox is not installed.
    """
    async with settings_for(data_dir, policy_file, in_sandbox) as (settings, _):
        redactor.keep(settings.secrets())
        configure_logging(settings.log_file, settings.log_level)
        async with compose(settings) as system:
            yield system


@contextlib.asynccontextmanager
async def switched(data_dir: Path, policy_file: Path | None) -> AsyncIterator[tuple[KillSwitch, Caller]]:
    """The kill switch of a data directory; no service and no settings are needed.

    Raises:
        NotFound: there is no database.
    """
    async with _at_rest(data_dir, policy_file) as (store, policy, caller):
        yield KillSwitch(store, policy.catalogue, {*load_agents(), NOTIFIER, OPERATOR}), caller


@contextlib.asynccontextmanager
async def breaker_panel(data_dir: Path, policy_file: Path | None) -> AsyncIterator[tuple[BreakerPanel, Caller]]:
    """The breakers of a data directory; no service and no settings are needed.

    Raises:
        NotFound: there is no database.
    """
    async with _at_rest(data_dir, policy_file) as (store, _, caller):
        yield BreakerPanel(store), caller


@contextlib.asynccontextmanager
async def advisor(data_dir: Path, policy_file: Path | None) -> AsyncIterator[tuple[Advisor, Caller]]:
    """Long-term memory of a data directory; no service and no settings are needed.

    Raises:
        NotFound: there is no database.
    """
    async with _at_rest(data_dir, policy_file) as (store, policy, caller):
        yield Advisor(store, policy, PatternMemory(store, policy)), caller


@contextlib.asynccontextmanager
async def _at_rest(data_dir: Path, policy_file: Path | None) -> AsyncIterator[tuple[Store, EntitlementPolicy, Caller]]:
    _check_database(data_dir)
    policy = read_policy(policy_file or PolicyEnvironment.policy_file())
    async with open_store(data_dir) as (store, _):
        yield store, policy, operator(policy, data_dir)


@contextlib.asynccontextmanager
async def key_book(data_dir: Path, policy_file: Path | None) -> AsyncIterator[tuple[ApiKeyBook, Caller]]:
    """The API keys of a data directory, which is made when there is none; no service and no settings are needed."""
    caller = operator_of(data_dir, policy_file)
    async with open_store(data_dir) as (store, _):
        yield ApiKeyBook(store), caller


def operator_of(data_dir: Path, policy_file: Path | None) -> Caller:
    """Who gives a command that needs no settings, by the policy named or configured."""
    return operator(read_policy(policy_file or PolicyEnvironment.policy_file()), data_dir)


@contextlib.asynccontextmanager
async def reading(data_dir: Path) -> AsyncIterator[Store]:
    """The database of a data directory, for reading only.

    Raises:
        NotFound: there is none.
    """
    _check_database(data_dir)
    store = await Store(data_dir / DATABASE, b"").open_to_read()
    try:
        yield store
    finally:
        await store.close()


def _check_database(data_dir: Path) -> None:
    if not (data_dir / DATABASE).exists():
        raise NotFound(f"there is no database in {data_dir}", "Name the right --data-dir.")
