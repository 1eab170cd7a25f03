"""Access tokens for the service, signed with the twin's own key and verified by what the twin publishes, over its TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from agent_ops import Sandbox, Settings
from agent_ops.domain.errors import NotAuthenticated, ServiceUnavailable
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.sandbox.entra.tokens import TokenService
from agent_ops.sandbox.records import Records
from agent_ops.transport.entra_identity import EntraIdentity

AUDIENCE = "api://agent-ops"
ROLES = frozenset({"onboard", "task:read", "Directory.Read.All"})


@pytest.fixture
def tokens(sandbox: Sandbox) -> Iterator[TokenService]:
    """The twin's own signer."""
    records = Records(sandbox.directory / "records.db")
    yield TokenService(records, sandbox.addresses.tenant_id, ())
    records.close()


@pytest.fixture
def identity(sandbox_settings: Settings) -> EntraIdentity:
    return EntraIdentity(sandbox_settings.entra, (AUDIENCE, "another"))


async def test_a_good_token_lets_its_bearer_in_with_the_roles_that_are_scopes(
    tokens: TokenService, identity: EntraIdentity
) -> None:
    caller = await identity.caller_of(tokens.issue("a-client", AUDIENCE, ROLES))
    assert caller.scopes == {"onboard", "task:read"}
    assert caller.name.startswith("entra:")
    assert (await identity.caller_of(tokens.issue("a-client", AUDIENCE, frozenset()))).scopes == frozenset()


async def test_tokens_that_let_nobody_in(tokens: TokenService, identity: EntraIdentity, sandbox: Sandbox) -> None:
    good = tokens.issue("a-client", AUDIENCE, ROLES)
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    strange = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, seal = good.split(".")
    for wrong in (
        tokens.issue("a-client", "https://graph.microsoft.com", ROLES),
        tokens.issue("a-client", AUDIENCE, ROLES, lifetime=-3600),
        jwt.encode(claims, strange, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, strange, algorithm="RS256", headers={"kid": "unknown"}),
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, None, algorithm="none", headers={"kid": kid}),
        f"{head}.{body}.{seal[:-4]}AAAA",
        good + "x.y",
        "not.a.token",
        "",
    ):
        with pytest.raises(NotAuthenticated):
            await identity.caller_of(wrong)
    other = EntraIdentity(replace(identity._config, tenant_id=sandbox.addresses.domain), (AUDIENCE,))
    with pytest.raises(NotAuthenticated):  # the twin, asked by its domain, names the domain in its issuer
        await other.caller_of(jwt.encode({**claims, "tid": "another"}, strange, algorithm="RS256", headers={"kid": kid}))


async def test_unknown_keys_are_looked_for_once_a_minute(tokens: TokenService, identity: EntraIdentity, box: Sandbox) -> None:
    await identity.caller_of(tokens.issue("a-client", AUDIENCE, ROLES))
    await box.fault(Fault("entra", FaultKind.STATUS, path=".*openid-configuration", status=503))
    strange = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for number in range(5):
        with pytest.raises(NotAuthenticated):
            await identity.caller_of(jwt.encode({"a": 1}, strange, algorithm="RS256", headers={"kid": f"k{number}"}))
    assert (await identity.caller_of(tokens.issue("a-client", AUDIENCE, ROLES))).scopes
    assert [rule["struck"] for rule in await box.struck()] == [0], "a stranger cannot make us ask the tenant"


async def test_a_tenant_that_does_not_answer_lets_nobody_in(tokens: TokenService, identity: EntraIdentity) -> None:
    gone = EntraIdentity(replace(identity._config, authority="https://127.0.0.1:9"), (AUDIENCE,))
    with pytest.raises(ServiceUnavailable):
        await gone.caller_of(tokens.issue("a-client", AUDIENCE, ROLES))
