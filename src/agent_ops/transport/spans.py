"""A run as OpenTelemetry spans: what was called, when, for how long, whether it failed, and how many tokens it took.

Names and numbers only: no prompt, no answer, no argument and no error's words, any of which may name somebody.
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ has the attributes' names.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import requests
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, Tracer, set_span_in_context

from agent_ops.transport.trace_config import OtlpConfig

_OPERATIONS = {"llm": "chat", "chat_model": "chat", "tool": "execute_tool", "chain": "invoke_agent"}


class Spans(BaseTracer):
    """Writes a run's tree as spans once the run was driven."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def _persist_run(self, run: Run) -> None:
        self._write(run, None)

    def _write(self, run: Run, parent: Any) -> None:
        operation = _OPERATIONS.get(run.run_type, run.run_type)
        context = set_span_in_context(parent) if parent is not None else None
        span = self._tracer.start_span(
            f"{operation} {run.name}", context, start_time=_nanoseconds(run.start_time), attributes=_attributes(run, operation)
        )
        if run.error:
            span.set_status(Status(StatusCode.ERROR))
        for child in run.child_runs:
            self._write(child, span)
        span.end(_nanoseconds(run.end_time or run.start_time))


def _attributes(run: Run, operation: str) -> dict[str, str | int]:
    metadata = (run.extra or {}).get("metadata") or {}
    found = {
        "gen_ai.operation.name": operation,
        "gen_ai.conversation.id": metadata.get("thread_id"),  # the run's id, or its agent's
        "agent_ops.prompts": metadata.get("prompts"),
        "langgraph.node": metadata.get("langgraph_node"),
        "gen_ai.request.model": metadata.get("ls_model_name") if operation == "chat" else None,
        "gen_ai.provider.name": metadata.get("ls_provider") if operation == "chat" else None,
        "gen_ai.tool.name": run.name if operation == "execute_tool" else None,
        "error.type": run.error.partition("(")[0][:80] if run.error else None,  # LangChain begins with repr(error)
        **_tokens(run),
    }
    return {name: value for name, value in found.items() if value is not None}


def _tokens(run: Run) -> dict[str, int]:
    """What a model call took, as its message says."""
    generations = (run.outputs or {}).get("generations") if run.run_type in ("llm", "chat_model") else None
    for generation in (one for several in generations or [] for one in several):
        message = generation.get("message") or {}
        usage = (message.get("kwargs") or message).get("usage_metadata") if isinstance(message, dict) else message.usage_metadata
        if usage:
            return {"gen_ai.usage.input_tokens": usage["input_tokens"], "gen_ai.usage.output_tokens": usage["output_tokens"]}
    return {}


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000_000)


def open_spans(config: OtlpConfig, session: requests.Session, timeout: float) -> tuple[Spans, Callable[[], None]]:
    """The handler, and what closes it: that sends what is left, within ``timeout`` seconds for a request."""
    exporter = OTLPSpanExporter(config.url, headers=dict(config.headers), timeout=timeout, session=session)
    provider = TracerProvider(resource=Resource({"service.name": config.service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Spans(provider.get_tracer("agent_ops")), provider.shutdown
