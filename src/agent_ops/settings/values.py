"""What the variables are made into, beside the clients' own configurations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from agent_ops.transport.routes import Proxies

DATA_DIR = Path("agent-ops-data")
REQUESTS_PER_MINUTE = 6000
_NONE = SecretStr("")


@dataclass(frozen=True)
class Credentials:
    """Keys that are named in settings beside the configured clients': kept to be redacted and reported on."""

    app_secret_key: SecretStr = _NONE
    openai_api_key: SecretStr = _NONE
    cursor_api_key: SecretStr = _NONE
    jira_base_url: str = ""
    jira_username: str = ""
    jira_api_token: SecretStr = _NONE
    confluence_base_url: str = ""
    confluence_username: str = ""
    confluence_api_token: SecretStr = _NONE


def no_proxies(text: str) -> tuple[str, ...]:
    """NO_PROXY's entries."""
    return tuple(entry for part in text.replace(",", " ").split() if (entry := part.strip()))


def proxies(https: str, http: str, exempt: str) -> Proxies:
    """Proxies from their three variables."""
    return Proxies(https, http, no_proxies(exempt))
