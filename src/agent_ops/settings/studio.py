"""What LangGraph Studio reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent_ops.domain.errors import ConfigurationError
from agent_ops.settings.values import DATA_DIR


class StudioEnvironment(BaseSettings):
    """Process variables only, so that no .env can let Studio act unnoticed."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    agent_ops_studio: Literal["sandbox"] | None = None
    agent_ops_data_dir: Path = DATA_DIR

    @classmethod
    def sandbox_data_dir(cls) -> Path | None:
        """The data directory whose sandbox Studio may act in; None when it was started without the word for it.

        Raises:
            ConfigurationError: the word is not one that there is.
        """
        try:
            environment = cls()
        except ValidationError:
            raise ConfigurationError("AGENT_OPS_STUDIO can only be 'sandbox'", "Set it to that, or leave it out.") from None
        return environment.agent_ops_data_dir if environment.agent_ops_studio else None
