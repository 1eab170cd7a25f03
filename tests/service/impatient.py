"""The service over the twins of a directory with little patience, for uvicorn and gunicorn to make in each worker."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from agent_ops import AgentOps, read_policy
from agent_ops.api.app import SERVICE, build_app
from agent_ops.runtime.opening import sandbox_settings
from tests.conftest import IMPATIENT

DIRECTORY, POLICY = "TEST_DATA_DIR", "TEST_POLICY"


def create_app() -> FastAPI:
    """The application; where it works is said by the environment, as a factory takes no arguments."""
    directory, policy = Path(os.environ[DIRECTORY]), Path(os.environ[POLICY])

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        async with sandbox_settings(directory, policy) as (settings, _):
            quick = replace(settings, lease=100.0, patience=replace(IMPATIENT, tries=6, first_pause=0.02))
            async with AgentOps(quick, caller=SERVICE) as ops:
                yield ops

    return build_app(read_policy(policy), opening)
