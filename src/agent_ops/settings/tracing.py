"""The variables of LangSmith and OpenTelemetry, by their own names."""

from __future__ import annotations

from typing import Annotated

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from agent_ops.settings.checks import matching, one_of, optional, secure_url
from agent_ops.settings.shared import text
from agent_ops.transport.routes import Proxies
from agent_ops.transport.trace_config import LANGSMITH_URL, LangSmithConfig, OtlpConfig, TraceConfig

_NONE = SecretStr("")
_COLLECTOR = optional(matching(r"https?://[^\s/]+\S*", "an http or https URL"))
"""Collectors often lie in the same cluster, without TLS; their spans name nobody."""


class TraceVariables(BaseSettings):
    """https://docs.langchain.com/langsmith/env-var and
    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options; ``agent_ops_tracing`` is our own switch.
    """

    agent_ops_tracing: Annotated[str, text(one_of("true", "false"))] = "true"
    langsmith_tracing: str = ""
    langsmith_api_key: SecretStr = _NONE
    langsmith_endpoint: Annotated[str, text(optional(secure_url))] = ""
    langsmith_project: str = ""
    langsmith_workspace_id: str = ""
    otel_exporter_otlp_endpoint: Annotated[str, text(_COLLECTOR)] = ""
    otel_exporter_otlp_traces_endpoint: Annotated[str, text(_COLLECTOR)] = ""
    otel_exporter_otlp_headers: SecretStr = _NONE
    otel_service_name: str = ""
    otel_sdk_disabled: str = ""

    def trace_config(self, ca_file: str, way: Proxies) -> TraceConfig | None:
        """Where runs are traced; None: nowhere."""
        if self.agent_ops_tracing == "false":
            return None
        config = TraceConfig(self._langsmith(), self._otlp(), ca_file or None, way)
        return config if config.langsmith or config.otlp else None

    def _langsmith(self) -> LangSmithConfig | None:
        """Asked for, and with a key: as LangSmith's own client has it."""
        key = self.langsmith_api_key.get_secret_value()
        if self.langsmith_tracing.lower() != "true" or not key:
            return None
        url, project = self.langsmith_endpoint or LANGSMITH_URL, self.langsmith_project or "default"
        return LangSmithConfig(key, url, project, self.langsmith_workspace_id)

    def _otlp(self) -> OtlpConfig | None:
        base = self.otel_exporter_otlp_endpoint.rstrip("/")
        url = self.otel_exporter_otlp_traces_endpoint or (f"{base}/v1/traces" if base else "")
        if not url or self.otel_sdk_disabled.lower() == "true":
            return None
        pairs = (pair.partition("=") for pair in self.otel_exporter_otlp_headers.get_secret_value().split(",") if "=" in pair)
        return OtlpConfig(url, {name.strip(): value.strip() for name, _, value in pairs}, self.otel_service_name or "agent-ops")
