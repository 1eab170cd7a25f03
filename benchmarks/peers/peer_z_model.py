"""Agent Ops with its model planner: the contestant of the crash test, but the harness's scripted model plans."""

from __future__ import annotations

from typing import Any

import peer_x_ours
import services
from peer_x_ours import onboard, resume
from pydantic import SecretStr

from agent_ops.transport.model_config import ModelConfig

__all__ = ["onboard", "resume", "setup"]


async def setup(**given: Any) -> None:
    await peer_x_ours.setup(model=ModelConfig("scripted", SecretStr("x"), services.BASE_URL), **given)
