"""The service as an ASGI application, for uvicorn, gunicorn and `agent-ops serve`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from agent_ops.agents import load_agents
from agent_ops.api import contract, pages, problems
from agent_ops.api.admission import Gate
from agent_ops.api.envelope import Envelope
from agent_ops.api.metrics import Meters
from agent_ops.api.patience import Patient
from agent_ops.api.routes import administration, health, langserve, playground, recommendations, runs, tasks, users
from agent_ops.api.streams import Bell
from agent_ops.domain.effects import NOTIFIER
from agent_ops.domain.errors import ConfigurationError
from agent_ops.domain.grants import Caller
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.policies import EXAMPLE, read_policy
from agent_ops.runtime.agent_ops import AgentOps
from agent_ops.runtime.opening import settings_for
from agent_ops.settings import PolicyEnvironment, Settings

Opening = Callable[[], AbstractAsyncContextManager[AgentOps]]
SERVICE = Caller("service", frozenset())
"""Nobody: each request brings its own caller."""


def create_app(
    data_dir: Path | None = None, policy_file: Path | None = None, *, in_sandbox: bool = False, with_playground: bool = False
) -> FastAPI:
    """The service over real services, or the sandbox: `uvicorn agent_ops.api.app:create_app --factory`.

    Args:
        data_dir: instead of AGENT_OPS_DATA_DIR.
        policy_file: instead of AGENT_OPS_POLICY_FILE.
        with_playground: whatever AGENT_OPS_PLAYGROUND says, which the sandbox does not read.

    Raises:
        ConfigurationError: a setting is missing or wrong, at once or when the application starts.
    """

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        async with settings_for(data_dir, policy_file, in_sandbox) as (found, _):
            settings = replace(found, playground=found.playground or with_playground)
            check(settings, in_sandbox)
            async with AgentOps(settings, caller=SERVICE) as ops:
                yield ops

    policy = policy_file or (EXAMPLE if in_sandbox else PolicyEnvironment.policy_file())
    return build_app(read_policy(policy), opening)


def create_sandbox_app() -> FastAPI:
    """The service over the loopback twins: `uvicorn agent_ops.api.app:create_sandbox_app --factory`."""
    return create_app(in_sandbox=True)


def build_app(policy: EntitlementPolicy, opening: Opening, clock: Callable[[], float] = time.monotonic) -> FastAPI:
    """The application over a system that ``opening`` opens; ``clock`` gives the seconds by which callers' rates are counted."""
    meters = Meters()
    app = Patient(
        title=contract.TITLE,
        lifespan=_lifespan(opening, clock),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.meters, app.state.items = meters, frozenset(policy.catalogue)
    for router in (
        users.router,
        tasks.router,
        runs.router,
        recommendations.router,
        administration.router,
        health.router,
        health.open_router,
    ):
        app.include_router(router)
    playground.install(app, langserve.install(app))
    problems.install(app)
    pages.install(app)
    contract.install(app, policy, tuple(sorted({*load_agents(), NOTIFIER})))
    app.add_middleware(Envelope, meters=meters)
    return app


def _lifespan(opening: Opening, clock: Callable[[], float]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening() as ops:
            app.state.ops, app.state.bell = ops, Bell(ops)
            app.state.gate = Gate(ops.settings.requests_per_minute, clock)
            ringing = asyncio.create_task(app.state.bell.ring_for_ever())
            try:
                yield
            finally:
                ringing.cancel()
                await asyncio.gather(ringing, return_exceptions=True)

    return lifespan


def check(settings: Settings, in_sandbox: bool) -> None:
    """Raise ConfigurationError: the service cannot be served like this."""
    if not in_sandbox and not settings.credentials.app_secret_key.get_secret_value():
        raise ConfigurationError(
            "APP_SECRET_KEY is missing: the service does not start without it", "Set it, or serve the --sandbox."
        )
    if settings.playground and importlib.util.find_spec("langserve") is None:
        raise ConfigurationError("the playground needs langserve", "Install it with: pip install 'agent-ops[langserve]'")
