"""The Jenkins effector on a served twin, and intents for it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Intent, Proposal, Waiting
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.jenkins_login import JenkinsAccount, JenkinsLogin
from agent_ops.transport.pacing import Pace
from tests.contract.jenkins_bench import TOKEN, USER, Bench

JOB = "provisioning/aws"


class FixedLogin(JenkinsLogin):
    """Knows the accounts in order: each time it must read again, the next."""

    def __init__(self, *accounts: JenkinsAccount) -> None:
        super().__init__(AwsConfig("eu-central-1", "/jenkins"))
        self.accounts, self.reads = list(accounts), 0

    def _read(self) -> str:
        self.reads += 1
        account = self.accounts.pop(0) if len(self.accounts) > 1 else self.accounts[0]
        return f'{{"url": "{account.url}", "user": "{account.user}", "token": "{account.token}"}}'


def account_of(bench: Bench, token: str = TOKEN) -> JenkinsAccount:
    return JenkinsAccount(bench.base_url, USER, token)


@asynccontextmanager
async def effector_on(bench: Bench, login: JenkinsLogin | None = None, **options: Any) -> AsyncIterator[JenkinsEffector]:
    """An effector that knows the bench as its default Jenkins and looks often."""
    chosen = {"pace": Pace(longest=0.05), "settling": 0.01, **options}
    effector = JenkinsEffector({"default": login or FixedLogin(account_of(bench))}, **chosen)
    try:
        yield effector
    finally:
        effector.close()


def intent(job: str = JOB, timeout: float = 10.0, age: float = 0.0, **pinned: Any) -> Intent:
    """An open intent, opened so many seconds ago."""
    key = uuid.uuid4().hex
    values = {
        "job": job,
        "parameters": {"REQUEST_ID": f"{key}.1", **({"USER": "ana.silva@example.test"} if job == JOB else {})},
        "request_id_parameter": "REQUEST_ID",
        "timeout_seconds": timeout,
        **pinned,
    }
    opened = datetime.now(timezone.utc) - timedelta(seconds=age)
    return Intent(key, "run", "employee", Proposal("jenkins", Action.RUN_PIPELINE, "aws"), 1, values, opened)


async def accepted(effector: JenkinsEffector, made: Intent) -> Intent:
    sent = await effector.send(made)
    assert isinstance(sent, Accepted)
    return replace(made, handle=sent.handle)


def later(made: Intent, waiting: Waiting, seconds: float = 0.0) -> Intent:
    """The intent as the ledger brings it back: with the handle that was kept, and older."""
    return replace(made, handle=waiting.handle, opened_at=made.opened_at - timedelta(seconds=seconds))


async def ended(effector: JenkinsEffector, made: Intent) -> Completed | Failed:
    """Follow, again and again where it waits, without a pause."""
    while isinstance(answer := await effector.follow(made), Waiting):
        made = later(made, answer)
    return answer
