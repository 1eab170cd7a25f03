"""The planner against a model server that nobody here wrote: llmock breaks calls as real services do, and grades the client.

Its model answers every offered tool with values that fit the schema and mean nothing, so that here the runbook ends every run.
https://pypi.org/project/llmock
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.transport.model_config import ModelConfig
from tests.fakes import FakeServices

pytest.importorskip("llmock", reason="an extra: pip install llmock")

SILENT_END = "a stream that ends early"
FAULTS: dict[str, Callable[[Any], object]] = {
    "none": lambda llmock: None,
    "401": lambda llmock: llmock.fail(401),
    "503 once": lambda llmock: llmock.fail(503),
    "an outage": lambda llmock: llmock.outage(),
    "a rate limit": lambda llmock: llmock.rate_limit(retry_after=0.3),
    "a context overflow": lambda llmock: llmock.context_overflow(),
    "a delay": lambda llmock: llmock.delay(5),
    "a slow first token": lambda llmock: llmock.slow_first_token(5),
    "a connection that drops": lambda llmock: llmock.disconnect(after_chunks=2, times=None),
    SILENT_END: lambda llmock: llmock.truncate(after_chunks=2, times=None),
    "a corrupted chunk": lambda llmock: llmock.corrupt(after_chunks=2, times=None),
    "a stream that hangs": lambda llmock: llmock.stall(seconds=5, after_chunks=2),
    "arguments that are no JSON": lambda llmock: llmock.break_tool_call("malformed_arguments"),
    "a tool that was never offered": lambda llmock: llmock.break_tool_call("unknown_tool"),
    "text": lambda llmock: llmock.reply("I would rather talk about it."),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_an_onboarding_is_complete_whatever_it_does(
    name: str, llmock: Any, settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    config = ModelConfig("gpt-4o-mini", SecretStr("any"), llmock.base_url("openai"), timeout=1.5)
    FAULTS[name](llmock)
    async with AgentOps(replace(settings, model=config), adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana)
        events = [event async for event in ops.events(report.run.id)]
    assert report.run.status is RunStatus.DONE
    assert fakes.sends()["jenkins.run_pipeline"] == 4
    assert report.run.usage.calls >= 1, "the server was to be asked"
    told = [event.message for event in events if event.status == "failed" and "runbook" in event.message]
    assert len(told) == 1
    if name == SILENT_END:  # it takes for accepted whatever was not asked for again: here it is refused, and said to be
        assert "was cut: it ends without saying so" in told[0]
    else:
        llmock.assert_resilient()
