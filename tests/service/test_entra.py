"""A caller with an access token of Entra ID: let in where tokens are taken, by the app roles that are scopes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from agent_ops import AgentOps, EntitlementPolicy, Sandbox, Settings
from agent_ops.api.app import SERVICE, build_app
from agent_ops.sandbox.entra.tokens import TokenService
from agent_ops.sandbox.records import Records
from tests.fakes import FakeServices

AUDIENCE = "api://agent-ops"


@pytest.mark.parametrize(("audiences", "status"), [((AUDIENCE,), 202), ((), 401)])
async def test_a_token_is_taken_where_it_is_asked_for(
    policy: EntitlementPolicy,
    settings: Settings,
    fakes: FakeServices,
    sandbox: Sandbox,
    sandbox_settings: Settings,
    audiences: tuple[str, ...],
    status: int,
) -> None:
    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        known = replace(settings, entra=sandbox_settings.entra, audiences=audiences)
        async with AgentOps(known, caller=SERVICE, adapters=fakes.adapters()) as ops:
            yield ops

    records = Records(sandbox.directory / "records.db")
    token = TokenService(records, sandbox.addresses.tenant_id, ()).issue("a-client", AUDIENCE, frozenset({"onboard"}))
    records.close()
    app, headers = build_app(policy, opening), {"Authorization": f"Bearer {token}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service", headers=headers) as client,
    ):
        body = {"name": "Ana Silva", "team": "Engineering", "external_id": "E-1"}
        assert (await client.post("/api/users/onboard_user", json=body)).status_code == status
        assert (await client.get("/api/runs")).status_code == (403 if status == 202 else 401)
