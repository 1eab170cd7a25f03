"""What Entra and SSM refuse, in their own words and as our errors; and the AWS twin itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import (
    AccessRefused,
    ConfigurationError,
    RateLimited,
    ServiceAmbiguous,
    ServiceRefused,
    ServiceUnavailable,
)
from agent_ops.effectors.entra import EntraEffector
from agent_ops.effectors.graph import GraphSession
from agent_ops.ledger.attempt import Patience
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.transport.aws_session import aws_client
from agent_ops.transport.jenkins_login import JenkinsLogin
from agent_ops.transport.vendor_errors import status_error
from tests.contract.test_effect_adapters import intent_for, pinned_for


@pytest.fixture
async def faulty(sandbox: Sandbox) -> AsyncIterator[Sandbox]:
    yield sandbox
    await sandbox.clear_faults()


async def test_a_wrong_client_secret_is_told_in_entras_words(sandbox_settings: Settings) -> None:
    graph = GraphSession(replace(sandbox_settings.entra, client_secret="wrong-canary"))
    with pytest.raises(AccessRefused) as caught:
        await graph.call("GET", "/domains")
    assert "AADSTS7000215" in str(caught.value)
    assert "CLIENT_SECRET" in str(caught.value)
    assert "canary" not in str(caught.value)
    await graph.close()


async def test_a_token_endpoint_that_hangs_is_given_up(sandbox_settings: Settings, faulty: Sandbox) -> None:
    await faulty.fault(Fault("entra", FaultKind.HANG, path=".*/token", seconds=120, times=1))
    graph = GraphSession(replace(sandbox_settings.entra, timeout=3.0))
    with pytest.raises(ServiceUnavailable):
        await asyncio.wait_for(graph.call("GET", "/domains"), 60)
    assert await graph.call("GET", "/domains")
    await graph.close()


async def test_an_unverified_domain_is_refused_in_graphs_words(sandbox_settings: Settings) -> None:
    graph = GraphSession(sandbox_settings.entra)
    pinned = {**pinned_for(Action.CREATE_ACCOUNT), "userPrincipalName": "ana@elsewhere.example"}
    with pytest.raises(ServiceRefused, match="domain"):
        await EntraEffector(graph).send(intent_for(Action.CREATE_ACCOUNT, pinned))
    await graph.close()


async def test_a_certificate_of_somebody_else_is_not_trusted(sandbox_settings: Settings) -> None:
    graph = GraphSession(replace(sandbox_settings.entra, ca_file=None))
    with pytest.raises((ServiceUnavailable, ServiceAmbiguous)):
        await graph.call("GET", "/domains")
    await graph.close()


async def test_an_account_that_cannot_be_read_yet_is_ambiguous_not_foreign(sandbox_settings: Settings, faulty: Sandbox) -> None:
    graph = GraphSession(sandbox_settings.entra)
    effector, made = EntraEffector(graph), intent_for(Action.CREATE_ACCOUNT, pinned_for(Action.CREATE_ACCOUNT))
    await effector.send(made)
    await faulty.fault(Fault("entra", FaultKind.LAG, seconds=60))
    with pytest.raises(ServiceAmbiguous, match="cannot be read yet"):
        await effector.send(made)
    await graph.close()


def test_a_parameter_that_is_not_there_is_told(sandbox_settings: Settings) -> None:
    with pytest.raises(ServiceRefused, match="ParameterNotFound"):
        JenkinsLogin(replace(sandbox_settings.aws, jenkins_parameter="/nowhere")).account()


def test_a_parameter_of_another_form_is_told_without_its_value(sandbox_settings: Settings) -> None:
    login = JenkinsLogin(sandbox_settings.aws)
    for value in ("canary", "[]", '{"url": "http://x"}'):
        with pytest.raises(ConfigurationError) as caught:
            login.parsed(value)
        assert "canary" not in str(caught.value)


def test_the_aws_twin_keeps_the_parameter_encrypted(sandbox: Sandbox, sandbox_settings: Settings) -> None:
    login = JenkinsLogin(sandbox_settings.aws)
    with contextlib.closing(aws_client(sandbox_settings.aws, "ssm")) as client:
        stored = client.get_parameter(Name=sandbox.addresses.ssm_parameter)["Parameter"]
    assert stored["Type"] == "SecureString"
    assert stored["Value"].startswith("kms:")  # moto marks what it would have encrypted
    assert login.account().url.startswith("http://127.0.0.1:")


async def test_the_aws_twin_fails_when_told_and_records_its_calls(sandbox_settings: Settings, faulty: Sandbox) -> None:
    await faulty.fault(Fault("aws", FaultKind.STATUS, status=500, times=20))
    with pytest.raises(ServiceAmbiguous):
        JenkinsLogin(sandbox_settings.aws).account()
    await faulty.clear_faults()
    assert JenkinsLogin(sandbox_settings.aws).account().token


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [
        (429, "7", RateLimited),
        (429, None, RateLimited),
        (503, "3", RateLimited),
        (503, None, ServiceAmbiguous),
        (500, None, ServiceAmbiguous),
        (401, None, AccessRefused),
        (403, None, AccessRefused),
        (400, None, ServiceRefused),
        (409, None, ServiceRefused),
    ],
)
def test_a_status_says_whether_it_may_have_been_done(status: int, retry_after: str | None, expected: type[Exception]) -> None:
    assert type(status_error("x", status, "words", retry_after)) is expected


def test_retry_after_is_honoured_and_pauses_are_bounded() -> None:
    patience = Patience()
    asked = RateLimited("x", "wait", 17.0)
    assert patience.pause(0, asked) >= 17.0
    assert all(patience.pause(n, ServiceUnavailable("x", "down")) <= patience.longest_pause for n in range(50))


async def test_a_tenant_that_nobody_knows_is_told_in_entras_words(sandbox_settings: Settings) -> None:
    entra = replace(sandbox_settings.entra, tenant_id="00000000-0000-4000-8000-000000000000")
    graph = GraphSession(entra)
    with pytest.raises(AccessRefused, match=r"AADSTS90002: Tenant .* not found") as told:
        await graph.call("GET", "/users")
    assert "Check TENANT_ID" in str(told.value)
    await graph.close()


async def test_a_login_host_in_trouble_is_another_try(sandbox_settings: Settings, faulty: Sandbox) -> None:
    await faulty.fault(Fault("entra", FaultKind.STATUS, path="/.*openid-configuration", status=503))
    graph = GraphSession(sandbox_settings.entra)
    with pytest.raises(ServiceUnavailable, match="503"):
        await graph.call("GET", "/users")
    await graph.close()
