"""A data directory for commands that drive no run: no settings, no service and no LangGraph are needed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from agent_ops.cli.operator import operator
from agent_ops.domain.grants import Caller
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.policies import read_policy
from agent_ops.runtime.data_dir import check_database, open_store
from agent_ops.settings import PolicyEnvironment
from agent_ops.storage import Store


@contextlib.asynccontextmanager
async def at_rest(data_dir: Path, policy_file: Path | None) -> AsyncIterator[tuple[Store, EntitlementPolicy, Caller]]:
    """The database, the policy named or configured, and who gives the command.

    Raises:
        NotFound: there is no database.
    """
    check_database(data_dir)
    policy = read_policy(policy_file or PolicyEnvironment.policy_file())
    async with open_store(data_dir) as (store, _):
        yield store, policy, operator(policy, data_dir)


def operator_of(data_dir: Path, policy_file: Path | None) -> Caller:
    """Who gives a command that needs no settings, by the policy named or configured."""
    return operator(read_policy(policy_file or PolicyEnvironment.policy_file()), data_dir)
