"""The chat model that plans: asked once, for as little as can be, whether it answers and calls the tool that planning needs.

Without it onboarding works all the same, by the built-in rules: what is wrong here is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from langchain_core.messages import AIMessage, HumanMessage

from agent_ops.domain.errors import ModelError, ModelRefused, ModelUnknown, ModelUnreachable
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import Examination
from agent_ops.runtime.doctor.lines import Line, Verdict, warning, works
from agent_ops.transport.chat_model import complete, open_chat_model
from agent_ops.transport.model_config import OPENAI, ModelConfig
from agent_ops.transport.traces import untraced

_SECONDS = 20.0
_MEANWHILE = "Until then the built-in rules plan."
_ASK = HumanMessage("Call `decide` once, with the thought 'ready'.")
_TOOL = {
    "type": "function",
    "function": {
        "name": "decide",
        "description": "What to do.",
        "parameters": {"type": "object", "properties": {"thought": {"type": "string"}}, "required": ["thought"]},
    },
}


async def model(exam: Examination) -> Sequence[Line]:
    config = exam.settings.model
    if config is None:
        wanted = "Optional: set OPENAI_API_KEY, CURSOR_API_KEY with OPENAI_BASE_URL, or AGENT_OPS_MODEL (docs/models.md)."
        return [Line(Verdict.NOT_CONFIGURED, "the built-in rules plan", wanted)]
    asked = await exam.stack.enter_async_context(open_chat_model(replace(config, timeout=_SECONDS)))
    try:
        with untraced():
            answer = await complete(asked, [_ASK], [_TOOL], timeout=_SECONDS, force="decide")
    except ModelError as error:
        return [_troubled(error, config)]
    return [_answered(answer, config)]


def _answered(answer: AIMessage, config: ModelConfig) -> Line:
    if not any(call["name"] == "decide" for call in answer.tool_calls):
        remedy = f"Set AGENT_OPS_MODEL to a model that was trained to call tools (docs/models.md). {_MEANWHILE}"
        return warning(f"{config.name} answers, but does not call the tool that it is told to", remedy, "AGENT_OPS_MODEL")
    used = answer.usage_metadata
    return works(f"{_name(config)} calls tools" + (f" ({used['input_tokens']} + {used['output_tokens']} tokens)" if used else ""))


def _troubled(error: ModelError, config: ModelConfig) -> Line:
    """What it means, and what to do."""
    key = f"{config.provider.upper()}_API_KEY" if config.provider != OPENAI else "OPENAI_API_KEY or CURSOR_API_KEY"
    cause, do, variable = next(
        (told for kind, told in _MEANINGS.items() if isinstance(error, kind)),
        ("is in trouble", "Look at what it says; try again later.", "AGENT_OPS_MODEL"),
    )
    return warning(f"{_name(config)} {cause}: {error.what}", f"{do.format(key=key)} {_MEANWHILE}", variable)


_MEANINGS: dict[type[ModelError], tuple[str, str, str]] = {
    ModelRefused: ("takes no such key", "Correct {key}; a key belongs to one service: see OPENAI_BASE_URL.", "OPENAI_API_KEY"),
    ModelUnknown: ("is not served there", "Set AGENT_OPS_MODEL to a name that the service lists.", "AGENT_OPS_MODEL"),
    ModelUnreachable: ("cannot be reached", "Check OPENAI_BASE_URL, the network, CA_FILE and any proxy.", "OPENAI_BASE_URL"),
}


def _name(config: ModelConfig) -> str:
    """The model and, where it is one of one's own, its service."""
    return f"{config.name} at {config.base_url}" if config.provider == OPENAI else config.name


_NEEDS = ("OPENAI_BASE_URL", "CURSOR_API_KEY", "AGENT_OPS_MODEL", "AGENT_OPS_MODEL_OPTIONS", "CA_FILE")
CHECKS = (Check("model", "model", model, needs=_NEEDS),)
