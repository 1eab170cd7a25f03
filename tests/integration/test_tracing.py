"""Traces go where settings say, and nowhere else; no secret and nothing that names anybody is in them."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langsmith import utils as langsmith_utils
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from proofs.model_server import ModelServer, serving
from pydantic import SecretStr

from agent_ops import AgentOps, RunStatus, Settings
from agent_ops.domain.effects import Action, Failed
from agent_ops.prompts import version
from agent_ops.transport.model_config import ModelConfig
from agent_ops.transport.trace_config import LangSmithConfig, OtlpConfig, TraceConfig
from agent_ops.transport.traces import Cleaner
from tests.bytes import forms
from tests.collector import Collector, collecting
from tests.fakes import FakeServices
from tests.integration.test_erasure import ADDRESS, CANARIES, ZOE

KEYS = ("lsv2-canary-key-1", "otlp-canary-key-2", "sk-canary-key-3", "canary-entra-secret-4")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


@pytest.fixture
async def with_model(settings: Settings) -> AsyncIterator[Settings]:
    async with serving(ModelServer(key=KEYS[2])) as server:
        model = ModelConfig("scripted", SecretStr(KEYS[2]), server.url, timeout=5.0)
        yield replace(settings, model=model, entra=replace(settings.entra, client_secret=KEYS[3]))


def both(url: str) -> TraceConfig:
    return TraceConfig(LangSmithConfig(KEYS[0], url, "onboarding"), OtlpConfig(f"{url}/v1/traces", {"x-key": KEYS[1]}))


async def refuse(intent: Any) -> Failed:
    """What a service might say: everything that it should not."""
    return Failed(f"Zoë Quillfeather ({ADDRESS}, +351 912 777 555 43) is refused with {KEYS[3]}; ask Oswin Marlbrook")


async def onboard(settings: Settings, fakes: FakeServices) -> RunStatus:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        return (await ops.onboard(ZOE)).run.status


def leaks(sent: bytes, settings: Settings) -> list[str]:
    """Which canaries and which keys of the installation are in it, in whatever form."""
    found = [canary for canary in (*CANARIES, *KEYS) for form in forms(canary) if form in sent]
    installation = json.loads((settings.data_dir / "keys.json").read_text(encoding="utf-8"))
    found += [secret for secret in _texts(installation) if len(secret) >= 32 and secret.encode() in sent]
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("refused", [False, True])
async def test_traces_hold_no_secret_and_name_nobody(
    with_model: Settings, collector: Collector, fakes: FakeServices, refused: bool
) -> None:
    if refused:
        fakes[Action.RUN_PIPELINE].send = refuse  # type: ignore[method-assign,assignment]
    settings = replace(with_model, tracing=both(collector.url))
    assert await onboard(settings, fakes) is (RunStatus.FAILED if refused else RunStatus.DONE)
    paths = {one.split()[1] for one in collector.sent}
    assert {b"/runs/batch", b"/v1/traces"} <= paths
    assert b"run_pipeline" in collector.bodies, "tools are traced"
    assert b"You are the planner of Agent Ops" in collector.bodies, "and what the model was told"
    assert version().encode() in collector.bodies, "and by which version of the prompts"
    assert refused == (b"is refused" in collector.bodies), "and what a service said"
    assert leaks(collector.bodies, settings) == []


async def test_spans_say_what_was_called_and_what_it_took(
    with_model: Settings, collector: Collector, fakes: FakeServices
) -> None:
    otlp = OtlpConfig(f"{collector.url}/v1/traces", service="agent-ops-test")
    assert await onboard(replace(with_model, tracing=TraceConfig(otlp=otlp)), fakes) is RunStatus.DONE
    assert {one.split()[1] for one in collector.sent} == {b"/v1/traces"}
    spans, service = read(collector)
    assert service == "agent-ops-test"
    roots = [span for span in spans if not span.parent_span_id]
    assert [span.name for span in roots] == ["invoke_agent planner"]
    assert len({span.trace_id for span in spans}) == 1
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 0 for span in spans)
    if sys.version_info < (3, 11):
        return  # context does not follow asynchronous nodes there: docs/tracing.md
    assert sum(span.name == "execute_tool run_pipeline" for span in spans) == 4
    taken = [
        {a.key: a.value.int_value for a in span.attributes if "tokens" in a.key} for span in spans if span.name[:4] == "chat"
    ]
    assert len(taken) == 2
    assert all(one["gen_ai.usage.input_tokens"] > 100 for one in taken)


def read(collector: Collector) -> tuple[list[Any], str]:
    spans, service = [], ""
    for one in collector.sent:
        message = ExportTraceServiceRequest.FromString(one.partition(b"\n\n")[2])
        for resource in message.resource_spans:
            service = resource.resource.attributes[0].value.string_value
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    return spans, service


@pytest.fixture
def tempting(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which everything is traced by default."""
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.setenv(name, "true")
    for name in ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.setenv(name, collector.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", KEYS[0])
    langsmith_utils.get_env_var.cache_clear()
    yield
    langsmith_utils.get_env_var.cache_clear()


@pytest.mark.usefixtures("tempting")
async def test_nothing_is_sent_when_settings_do_not_say_so(
    with_model: Settings, collector: Collector, fakes: FakeServices
) -> None:
    async with AgentOps(with_model, adapters=fakes.adapters()) as ops:
        await ops.plan(ZOE)
        assert (await ops.onboard(ZOE)).run.status is RunStatus.DONE
    assert collector.sent == []


@pytest.mark.usefixtures("tempting")
async def test_a_plan_is_never_traced(with_model: Settings, collector: Collector, fakes: FakeServices) -> None:
    async with AgentOps(replace(with_model, tracing=both(collector.url)), adapters=fakes.adapters()) as ops:
        await ops.plan(ZOE)
    assert [one for one in collector.sent if one.startswith(b"POST")] == []


@pytest.mark.parametrize("config", [LangSmithConfig("k" * 20, "http://127.0.0.1:9"), None])
async def test_a_collector_that_is_not_there_holds_nobody_up(
    with_model: Settings, fakes: FakeServices, config: LangSmithConfig | None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    otlp = None if config else OtlpConfig("http://127.0.0.1:9/v1/traces")
    settings = replace(with_model, tracing=TraceConfig(config, otlp), log_file=tmp_path / "log")
    assert await onboard(settings, fakes) is RunStatus.DONE
    assert capsys.readouterr().err == ""


def test_what_looks_like_a_secret_is_masked() -> None:
    assert Cleaner()({"said": ["Authorization: Bearer abcdefgh12345678"]}) == {"said": ["Authorization: Bearer [redacted]"]}


def test_handles_of_code_are_left_out_whole() -> None:
    cleaned = Cleaner()({"context": {"key": "sealing"}, "args": [{"runtime": 1, "n": 2}], "secret": SecretStr("x")})
    assert cleaned == {"args": [{"n": 2}], "secret": "**********"}
