"""The variables of the chat model that plans."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Json, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from agent_ops.domain.usage import ModelLimits, Prices
from agent_ops.settings import checks
from agent_ops.settings.checks import matching, one_of, optional, secure_url, whole_number
from agent_ops.settings.shared import said, text, variable
from agent_ops.transport.model_config import DEFAULT_MODEL, OPENAI, OPENAI_URL, ModelConfig
from agent_ops.transport.routes import Proxies

_NONE = SecretStr("")
_KEYS = {"google_genai": "GOOGLE_API_KEY", "mistralai": "MISTRAL_API_KEY"}
"""Where a provider's variable is not called after it: https://docs.langchain.com/oss/python/integrations/providers/overview"""


class ModelVariables(BaseSettings):
    """Which model, by whose key, at what price and within which limits."""

    openai_api_key: SecretStr = _NONE
    openai_base_url: Annotated[str, text(optional(secure_url))] = ""
    cursor_api_key: SecretStr = _NONE
    agent_ops_model: Annotated[str, text(matching(r"[\w./:@-]{0,200}", "a model such as openai:gpt-5-mini"))] = ""
    agent_ops_model_options: Json[dict[str, Any]] | None = None
    agent_ops_model_prices: Json[dict[Literal["in", "out"], float]] | None = None
    agent_ops_model_timeout_seconds: Annotated[str, text(checks.seconds)] = "60"
    agent_ops_model_stream: Annotated[str, text(one_of("true", "false"))] = "true"
    agent_ops_model_calls_per_run: Annotated[str, text(whole_number(1, 1000))] = str(ModelLimits.calls_per_run)
    agent_ops_model_tokens_per_run: Annotated[str, text(whole_number(1, 10**9))] = str(ModelLimits.tokens_per_run)
    agent_ops_model_tokens_per_day: Annotated[str, text(whole_number(1, 10**12))] = str(ModelLimits.tokens_per_day)

    @field_validator("cursor_api_key")
    @classmethod
    def _cursor(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if value.get_secret_value() and not (said(info, "openai_api_key") or said(info, "openai_base_url")):
            raise ValueError("needs OPENAI_BASE_URL: the OpenAI-compatible address that takes this key")
        return value

    def chat_model(self, ca_file: str, way: Proxies) -> ModelConfig | None:
        """The chat model; None when neither a key nor a model is named."""
        key = self.openai_api_key if self.openai_api_key.get_secret_value() else self.cursor_api_key
        if not key.get_secret_value() and not self.agent_ops_model:
            return None
        prices = self.agent_ops_model_prices or {}
        config = ModelConfig(
            name=self.agent_ops_model or DEFAULT_MODEL,
            api_key=key,
            base_url=self.openai_base_url or OPENAI_URL,
            timeout=float(self.agent_ops_model_timeout_seconds),
            stream=self.agent_ops_model_stream == "true",
            options=self.agent_ops_model_options or {},
            ca_file=ca_file or None,
            proxies=way,
            prices=Prices(prices.get("in", 0.0), prices.get("out", 0.0)),
            limits=ModelLimits(
                int(self.agent_ops_model_calls_per_run),
                int(self.agent_ops_model_tokens_per_run),
                int(self.agent_ops_model_tokens_per_day),
            ),
        )
        return config if config.provider == OPENAI else config.with_key(SecretStr(variable(key_variable(config.provider))))


def key_variable(provider: str) -> str:
    """The variable that holds a provider's key: one provider's key is never shown to another."""
    return _KEYS.get(provider, f"{provider.upper()}_API_KEY")
