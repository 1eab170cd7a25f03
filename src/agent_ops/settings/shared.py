"""What the classes of variables share."""

from __future__ import annotations

import os
from typing import Any

from dotenv import dotenv_values
from pydantic import AfterValidator, SecretStr, ValidationInfo

from agent_ops.domain.errors import SettingsWrong
from agent_ops.settings.checks import Check

ENV_FILE = ".env"


def text(check: Check) -> Any:
    """A field's annotation: text that passes a check."""
    return AfterValidator(check)


def said(info: ValidationInfo, name: str) -> str:
    """Another variable's value; empty when it is not set or wrong itself."""
    value = info.data.get(name, "")
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def env_variables() -> dict[str, str | None]:
    """The variables of ./.env, without expanding ``${...}`` in them.

    Raises:
        SettingsWrong: the file cannot be read.
    """
    try:
        return dotenv_values(ENV_FILE, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong([f"{ENV_FILE} cannot be read: {error}"]) from None


def variable(name: str) -> str:
    """One whose name follows from another's value: the environment's, else that of ./.env."""
    return os.environ.get(name) or env_variables().get(name) or ""
