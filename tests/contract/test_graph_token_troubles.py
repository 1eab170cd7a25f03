"""A token endpoint that fails for a while: nothing was done, and nobody's credentials are to blame."""

from __future__ import annotations

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.errors import ServiceUnavailable
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.transport.graph_token import EntraToken

TOKEN = r"/[^/]+/oauth2/v2\.0/token"
ENDPOINTS = {"token": TOKEN, "description": r"/[^/]+/v2\.0/\.well-known/.*"}


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_failing_token_endpoint_is_worth_another_try(
    box: Sandbox, sandbox_settings: Settings, endpoint: str, status: int
) -> None:
    await box.fault(Fault("entra", FaultKind.STATUS, path=ENDPOINTS[endpoint], status=status, times=1))
    token = EntraToken(sandbox_settings.entra)
    try:
        with pytest.raises(ServiceUnavailable):
            await token.value()
        assert await token.value()
    finally:
        token.close()


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
async def test_a_cut_connection_to_it_did_nothing(box: Sandbox, sandbox_settings: Settings, kind: FaultKind) -> None:
    """Asking for a token changes nothing: whatever became of it, it is not what may have been done."""
    await box.fault(Fault("entra", kind, path=TOKEN, times=1))
    token = EntraToken(sandbox_settings.entra)
    try:
        with pytest.raises(ServiceUnavailable):
            await token.value()
        assert await token.value()
    finally:
        token.close()
