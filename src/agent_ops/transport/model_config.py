"""Which chat model plans, and how much of it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from agent_ops.domain.usage import ModelLimits, Prices
from agent_ops.transport.routes import NO_PROXIES, Proxies

OPENAI, COMMUNITY = "openai", "community"
DEFAULT_MODEL = "openai:gpt-5-mini"
OPENAI_URL = "https://api.openai.com/v1"
_NONE = SecretStr("")


@dataclass(frozen=True)
class ModelConfig:
    """A chat model.

    Args:
        name: 'provider:model' as LangChain's ``init_chat_model`` writes it; behind a ``base_url`` of one's own the model's name;
            'community:Class' for a chat model of langchain-community.
        base_url: of an OpenAI-compatible service.
        timeout: seconds for one call in all, retries included.
        max_output: tokens of one answer, at most.
        options: more of the model's arguments, as LangChain's class takes them.
        stream: let the answer come as it is made; not every service can.
    """

    name: str
    api_key: SecretStr = _NONE
    base_url: str = OPENAI_URL
    timeout: float = 60.0
    max_output: int = 2_000
    stream: bool = True
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ca_file: str | None = None
    proxies: Proxies = NO_PROXIES
    prices: Prices = field(default_factory=Prices)
    limits: ModelLimits = field(default_factory=ModelLimits)

    @property
    def provider(self) -> str:
        """Who serves it: a service of one's own speaks OpenAI's protocol."""
        own = self.base_url != OPENAI_URL or ":" not in self.name
        return OPENAI if own else self.name.partition(":")[0]

    def with_key(self, key: SecretStr) -> ModelConfig:
        """The same, by another key."""
        return replace(self, api_key=key)

    @property
    def model(self) -> str:
        """The name that the service knows."""
        return self.name.removeprefix(f"{OPENAI}:")
