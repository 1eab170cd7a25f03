"""From a word to settings: the sandbox when asked for, which is started and held on to, else the environment's."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from agent_ops.domain.errors import ConfigurationError
from agent_ops.policies import EXAMPLE
from agent_ops.sandbox import Sandbox
from agent_ops.settings import Settings


@contextlib.asynccontextmanager
async def settings_for(
    data_dir: Path | None, policy_file: Path | None, in_sandbox: bool, stage_delay: float | None = None
) -> AsyncIterator[tuple[Settings, Sandbox | None]]:
    """Settings, and the sandbox when it was asked for.

    Raises:
        ConfigurationError: settings are missing, or the sandbox is not installed.
    """
    if not in_sandbox:
        settings = Settings.from_environment(data_dir, policy_file)
        yield settings if stage_delay is None else replace(settings, stage_delay=stage_delay), None
        return
    async with sandbox_settings(data_dir or Settings.data_dir, policy_file, stage_delay=stage_delay) as found:
        yield found


@contextlib.asynccontextmanager
async def sandbox_settings(
    data_dir: Path, policy_file: Path | None = None, *, stage_delay: float | None = None
) -> AsyncIterator[tuple[Settings, Sandbox]]:
    """A running sandbox and the settings for it.

    Raises:
        ConfigurationError: the sandbox is not installed.
    """
    if importlib.util.find_spec("aiohttp") is None or importlib.util.find_spec("moto") is None:
        raise ConfigurationError("the sandbox is not installed", "Install it with: pip install 'agent-ops[sandbox]'")
    async with Sandbox(data_dir, policy_file or EXAMPLE) as box:
        policy = policy_file or EXAMPLE
        yield Settings.for_sandbox(box.addresses, box.data_dir, policy_file=policy, stage_delay=stage_delay or 0.0), box
