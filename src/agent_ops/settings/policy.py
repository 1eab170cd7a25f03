"""Where the entitlement policy lies: all that a command needs which only looks into it."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from agent_ops.policies import EXAMPLE


class PolicyEnvironment(BaseSettings):
    """One variable, from the environment or ./.env; nothing else has to be set."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    agent_ops_policy_file: Path = EXAMPLE

    @classmethod
    def policy_file(cls) -> Path:
        """The configured policy, or the example that the sandbox uses."""
        return cls().agent_ops_policy_file
