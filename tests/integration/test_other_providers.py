"""Other providers' models by one setting, through their own packages, against servers on loopback that speak their protocols."""

from __future__ import annotations

import gc
import itertools
import json
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from aiohttp import web
from proofs.model_server import plan
from pydantic import SecretStr

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.domain.errors import ConfigurationError
from agent_ops.transport.chat_model import open_chat_model
from agent_ops.transport.model_config import ModelConfig
from tests.fakes import FakeServices
from tests.unit.test_settings import GOOD

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # their packages keep connections until the process ends
)
ITEMS = ("aws", "confluence", "database", "github")


@pytest.fixture(autouse=True)
def _nothing_for_later() -> Iterator[None]:
    """What those connections have to say is said here, not in another test."""
    yield
    gc.collect()


async def onboard(config: ModelConfig, settings: Settings, fakes: FakeServices, ana: Profile) -> tuple[Any, list[str]]:
    async with AgentOps(replace(settings, model=replace(config, timeout=10.0)), adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana)
        events = [event async for event in ops.events(report.run.id)]
    assert report.run.status is RunStatus.DONE
    return report, [event.message for event in events if event.status == "failed" and "runbook" in event.message]


@dataclass
class Ollama:
    """POST /api/chat, streamed as lines of JSON: https://docs.ollama.com/api/chat"""

    done_reason: str | None = "stop"
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        call = {"function": {"name": "decide", "arguments": plan(body["messages"])}}
        usage = {"prompt_eval_count": 300, "eval_count": 90}
        ended = {"done_reason": self.done_reason, **usage} if self.done_reason else {}
        lines = [{"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False}]
        lines += [{"message": {"role": "assistant", "content": ""}, "done": True, **ended}] if ended else []
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for line in lines:
            made = {"model": body["model"], "created_at": "2026-11-26T00:00:00Z", **line}
            await response.write(json.dumps(made).encode() + b"\n")
        return response


@pytest.fixture
async def ollama() -> AsyncIterator[Ollama]:
    server = Ollama()
    app = web.Application()
    app.router.add_post("/api/chat", server.chat)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


async def test_ollama_plans(ollama: Ollama, settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    config = ModelConfig("ollama:llama3.2", options={"base_url": ollama.url})
    report, troubles = await onboard(config, settings, fakes, ana)
    assert troubles == []
    assert (report.run.usage.calls, report.run.usage.tokens_in, report.run.usage.tokens_out) == (2, 600, 180)
    assert fakes.sends()["jenkins.run_pipeline"] == 4
    assert [tool["function"]["name"] for tool in ollama.requests[0]["tools"]] == ["decide"]


async def test_an_answer_of_ollama_that_ends_early_is_refused(
    ollama: Ollama, settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    ollama.done_reason = None
    _, troubles = await onboard(ModelConfig("ollama:m", options={"base_url": ollama.url}), settings, fakes, ana)
    assert len(troubles) == 1


_seconds = itertools.count(11)


def claude(llmock: Any) -> ModelConfig:
    """Its package keeps a client for each time-out, for ever: another test's loop, which is closed, may hold the connections."""
    options = {"base_url": llmock.base_url("anthropic"), "timeout": next(_seconds)}
    return ModelConfig("anthropic:claude-haiku-4-5", SecretStr("any"), options=options)


@pytest.fixture
def decisions(ana: Profile) -> Iterator[dict[str, Any]]:
    """What a competent model would decide for her: a plan, then the end."""
    due = ", ".join(["create_account", "set_attributes", *(f"run_pipeline({item})" for item in ITEMS)])
    told = [
        {"role": "system", "content": "entra: create_account(), set_attributes()\njenkins: run_pipeline(item)"},
        {"role": "user", "content": f"due: {due}"},
    ]
    return iter([plan(told), {"thought": "all is done: finish", "summary": "done"}])


async def test_anthropic_plans(
    llmock: Any, decisions: Iterator[dict[str, Any]], settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    """llmock speaks Anthropic's protocol; it is told what to call, so that it is competent."""
    for decision in decisions:
        llmock.call_tool("decide", decision)
    report, troubles = await onboard(claude(llmock), settings, fakes, ana)
    assert troubles == []
    assert report.run.usage.calls == 2
    assert report.run.usage.tokens_in > 300, "estimated, where a service does not say"
    assert fakes.sends()["jenkins.run_pipeline"] == 4


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda llmock: llmock.fail(401), "refuses the key"),
        (lambda llmock: llmock.fail(404), "knows no such model"),
        (lambda llmock: llmock.truncate(after_chunks=3), "was cut"),
        (lambda llmock: llmock.disconnect(after_chunks=3), "cannot be asked"),
    ],
)
async def test_anthropic_in_trouble_is_replaced_by_the_runbook(
    llmock: Any, fault: Callable[[Any], object], words: str, settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    fault(llmock)
    _, (trouble,) = await onboard(claude(llmock), settings, fakes, ana)
    assert words in trouble


class Llama:
    """In the place of llama_cpp.Llama, for there is no model file: it answers as llama-cpp-python does, with a plan."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, model_path: str, **options: Any) -> None:
        self.model_path = model_path

    def create_chat_completion(self, messages: list[dict[str, Any]], stream: bool = False, **options: Any) -> Iterator[Any]:
        self.asked.append(options)
        name, arguments = "decide", json.dumps(plan(messages))
        call = {"index": 0, "id": "call_0", "type": "function", "function": {"name": name, "arguments": arguments}}
        yield {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "", "tool_calls": [call]}}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}


async def test_a_community_class_plans(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    """The example of docs/models.md: langchain-community's own class, over a stand-in for llama.cpp."""
    stand_in = types.ModuleType("llama_cpp")
    stand_in.Llama, stand_in.LlamaGrammar = Llama, object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "llama_cpp", stand_in)
    config = ModelConfig("community:ChatLlamaCpp", options={"model_path": "model.gguf", "n_ctx": 4096, "verbose": False})
    report, troubles = await onboard(config, settings, fakes, ana)
    assert troubles == []
    assert report.run.usage.calls == 2
    assert Llama.asked[0]["tool_choice"] == {"type": "function", "function": {"name": "decide"}}


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("community:ChatNobody", {}, "no such class"),
        ("community:ChatLlamaCpp", {}, "model_path"),
        ("community:ChatLlamaCpp", {"model_path": "absent.gguf"}, "llama-cpp-python"),
        ("nobody:nothing", {}, "nobody"),
    ],
)
async def test_a_model_that_cannot_be_made_is_told(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        async with open_chat_model(ModelConfig(name, options=options)):
            pass


@pytest.mark.parametrize(
    ("model", "key"),
    [("anthropic:m", "canary-anthropic"), ("openai:m", "canary-openai"), ("ollama:m", "")],
)
def test_a_key_is_shown_to_its_own_service_only(model: str, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text("", encoding="utf-8")
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=canary-anthropic\n", encoding="utf-8")
    for name, value in {**GOOD, "CURSOR_API_KEY": "", "AGENT_OPS_MODEL": model}.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    assert settings.model is not None
    assert settings.model.api_key.get_secret_value() == key
    assert key in set(settings.secrets())
