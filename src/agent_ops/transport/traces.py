"""Traces of runs: nodes, tools and model calls, to LangSmith and to an OpenTelemetry collector, when settings say where.

Whatever LangSmith is sent passes through :class:`Cleaner`; the collector's spans hold no texts at all (``spans.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import requests
import structlog
from langchain_core.callbacks import BaseCallbackHandler
from langsmith import Client, tracing_context

from agent_ops.transport.redaction import redactor
from agent_ops.transport.routes import Route
from agent_ops.transport.trace_config import LangSmithConfig, OtlpConfig, TraceConfig

log = structlog.get_logger(__name__)
Veil = Callable[[str], str]
_CLOSING_SECONDS = 5.0
_HANDLES = frozenset({"context", "runtime"})
"""Arguments that code gives to tools and nodes: whole parts of the system, keys among them."""


class Cleaner:
    """Takes out what no trace may hold: secrets, addresses, and what names the people whose runs go on. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._veils: dict[str, Veil] = {}

    @contextlib.contextmanager
    def covers(self, run_id: str, veil: Veil) -> Iterator[None]:
        """As long as the block lasts, what ``veil`` knows of is taken out, too."""
        with self._lock:
            self._veils = {**self._veils, run_id: veil}
        try:
            yield
        finally:
            with self._lock:
                self._veils = {other: known for other, known in self._veils.items() if other != run_id}

    def __call__(self, traced: dict[str, Any]) -> dict[str, Any]:
        """The same without: JSON, as LangSmith's client hands it over."""
        return {str(key): self._cleaned(value) for key, value in traced.items() if key not in _HANDLES}

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._text(str(key)): self._cleaned(item) for key, item in value.items() if key not in _HANDLES}
        if isinstance(value, (list, tuple)):
            return [self._cleaned(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        for veil in self._veils.values():
            text = veil(text)
        return redactor.clean(text)


def untraced() -> contextlib.AbstractContextManager[None]:
    """Inside, LangChain traces nothing of itself, whatever LANGSMITH_... or LANGCHAIN_... variables this machine has."""
    return tracing_context(enabled=False)


@dataclass(frozen=True)
class Traces:
    """Where runs are traced; nowhere by default.

    Args:
        handlers: callbacks for the run's graph.
        langsmith: inside it LangChain traces to LangSmith, by our client.
    """

    handlers: tuple[BaseCallbackHandler, ...] = ()
    langsmith: Callable[[], contextlib.AbstractContextManager[None]] = untraced
    cleaner: Cleaner = field(default_factory=Cleaner)

    @contextlib.contextmanager
    def of(self, run_id: str, veil: Veil) -> Iterator[list[BaseCallbackHandler]]:
        """The callbacks with which a run's graph is driven inside the block."""
        with self.langsmith(), self.cleaner.covers(run_id, veil):
            yield list(self.handlers)


@contextlib.asynccontextmanager
async def open_traces(config: TraceConfig | None) -> AsyncIterator[Traces]:
    """The traces that settings ask for. Leaving waits a few seconds for what has not been sent."""
    if config is None:
        yield Traces()
        return
    async with contextlib.AsyncExitStack() as stack:
        traces = Traces()
        if config.langsmith:
            client = await asyncio.to_thread(_client, config.langsmith, config, traces.cleaner)
            stack.push_async_callback(asyncio.to_thread, client.close, _CLOSING_SECONDS)
            tracing = functools.partial(tracing_context, enabled=True, client=client, project_name=config.langsmith.project)
            traces = replace(traces, langsmith=tracing)
        if config.otlp and (made := await asyncio.to_thread(_collector, config.otlp, config)):
            stack.push_async_callback(asyncio.to_thread, made[1])
            traces = replace(traces, handlers=(made[0],))
        yield traces


def _client(config: LangSmithConfig, way: TraceConfig, cleaner: Cleaner) -> Client:
    """https://docs.langchain.com/langsmith: a client that takes nothing from the environment."""
    return Client(
        api_url=config.url,
        api_key=config.api_key,
        workspace_id=config.workspace,
        session=_session(way, config.url),
        anonymizer=cleaner,
        omit_traced_runtime_info=True,
        tracing_mode="langsmith",
        timeout_ms=int(_CLOSING_SECONDS * 1000),
    )


def _collector(config: OtlpConfig, way: TraceConfig) -> tuple[BaseCallbackHandler, Callable[[], None]] | None:
    """None without the extra: others set OTEL_... for whole machines, and no run may fail for that."""
    try:
        from agent_ops.transport.spans import open_spans  # noqa: PLC0415 - an extra
    except ImportError as error:
        log.warning("untraced", reason=f"OTEL_EXPORTER_OTLP_... is set, but {error.name} is missing: pip install agent-ops[otel]")
        return None
    return open_spans(config, _session(way, config.url), _CLOSING_SECONDS)


def _session(way: TraceConfig, url: str) -> requests.Session:
    session = requests.Session()
    Route(way.ca_file, way.proxies).prepare(session, url)
    return session
