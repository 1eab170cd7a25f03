"""Where runs are traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent_ops.transport.routes import NO_PROXIES, Proxies

LANGSMITH_URL = "https://api.smith.langchain.com"


@dataclass(frozen=True)
class LangSmithConfig:
    """A project at LangSmith."""

    api_key: str = field(repr=False)
    url: str = LANGSMITH_URL
    project: str = "default"
    workspace: str = ""


@dataclass(frozen=True)
class OtlpConfig:
    """A collector that takes OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/). ``url`` is the whole one, for traces."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    service: str = "agent-ops"


@dataclass(frozen=True)
class TraceConfig:
    """One of them, or both, and the way to them."""

    langsmith: LangSmithConfig | None = None
    otlp: OtlpConfig | None = None
    ca_file: str | None = None
    proxies: Proxies = NO_PROXIES

    def secrets(self) -> Iterator[str]:
        """The keys that are shown to them."""
        if self.langsmith:
            yield self.langsmith.api_key
        yield from self.otlp.headers.values() if self.otlp else ()
