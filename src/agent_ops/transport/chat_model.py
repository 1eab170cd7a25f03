"""The way to a chat model: one bounded, streamed call, and every foreign error mapped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.tool import invalid_tool_call, tool_call_chunk
from pydantic import SecretStr

from agent_ops.domain.errors import ConfigurationError, ModelError, ModelRefused, ModelUnknown, ModelUnreachable
from agent_ops.transport.model_config import COMMUNITY, OPENAI, ModelConfig
from agent_ops.transport.routes import Route

_MAX_CHARACTERS = 40_000
_MAX_WORDS = 200
_RETRIES = 1
_ENDS = {"langchain_openai": "finish_reason", "langchain_anthropic": "stop_reason", "langchain_ollama": "done_reason"}
"""Where each provider says why an answer ends. Their clients take a stream that just stops for a whole answer."""
_CUT = ("length", "max_tokens")
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, ConnectionRefusedError)
_NO_KEY = SecretStr("none")
"""What a local server is given that asks for no key: the client wants one."""


@contextlib.asynccontextmanager
async def open_chat_model(config: ModelConfig) -> AsyncIterator[BaseChatModel]:
    """The LangChain chat model that a configuration names. Nothing is asked yet.

    Raises:
        ConfigurationError: the provider's package is not installed, or does not know the model.
    """
    if config.provider != OPENAI:
        yield await asyncio.to_thread(_other_provider, config)
        return
    async with _client(config) as client:
        yield await asyncio.to_thread(_openai_compatible, config, client)


def _openai_compatible(config: ModelConfig, client: httpx.AsyncClient) -> BaseChatModel:
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - costs half a second, and most commands need no model

    ours: dict[str, Any] = {
        "model": config.model,
        "api_key": config.api_key if config.api_key.get_secret_value() else _NO_KEY,
        "base_url": config.base_url,
        "http_async_client": client,
        "timeout": config.timeout,
        "max_retries": _RETRIES,
        "max_completion_tokens": config.max_output,
        "stream_usage": True,
        "disable_streaming": not config.stream,
        "use_responses_api": False,  # what other OpenAI-compatible services speak
    }
    return _made(config, lambda: ChatOpenAI(**{**ours, **config.options}))


def _client(config: ModelConfig) -> httpx.AsyncClient:
    """By our route only: the SDK's own client would take proxies and authorities from the environment."""
    tls, proxy = Route(config.ca_file, config.proxies).tls(), config.proxies.way_to(config.base_url)
    return httpx.AsyncClient(verify=tls, proxy=proxy, trust_env=False, follow_redirects=False)


def _other_provider(config: ModelConfig) -> BaseChatModel:
    """https://docs.langchain.com/oss/python/langchain/models: each provider has a package of its own."""
    if config.provider == COMMUNITY:
        return _made(config, lambda: _of_the_community(config))
    key: dict[str, Any] = {"api_key": config.api_key} if config.api_key.get_secret_value() else {}
    given = {**key, "disable_streaming": not config.stream, **config.options}

    def make() -> BaseChatModel:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415 - an extra

        return cast(BaseChatModel, init_chat_model(config.name, **given))

    return _made(config, make)


def _of_the_community(config: ModelConfig) -> BaseChatModel:
    """A class of langchain-community by its name: https://python.langchain.com/api_reference/community/chat_models.html"""
    with warnings.catch_warnings():  # that it is no longer cared for: who names it was told in docs/models.md
        warnings.simplefilter("ignore", DeprecationWarning)
        from langchain_community import chat_models  # noqa: PLC0415 - an extra

    made = getattr(chat_models, config.name.partition(":")[2], None)
    if not isinstance(made, type) or not issubclass(made, BaseChatModel):
        raise ValueError("langchain_community.chat_models has no such class")
    return made(**{"disable_streaming": not config.stream, **config.options})


def _made(config: ModelConfig, make: Callable[[], BaseChatModel]) -> BaseChatModel:
    """What packages say of a name, an argument or a package that is not there, as one error."""
    try:
        return make()
    except (ImportError, ValueError, TypeError) as error:
        package = "agent-ops[community]" if config.provider == COMMUNITY else f"agent-ops[models] langchain-{config.provider}"
        raise ConfigurationError(
            f"the model {config.name!r} cannot be used: {' '.join(str(error).split())[:_MAX_WORDS]}",
            f"Install what it names (pip install {package}), correct AGENT_OPS_MODEL_OPTIONS, or use another model.",
        ) from error


async def complete(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    tools: Sequence[Any],
    *,
    timeout: float,
    force: str | None = None,
    on_chunk: Callable[[AIMessageChunk], Awaitable[None]] | None = None,
) -> AIMessage:
    """One answer, streamed where the model can.

    Args:
        model: who is asked.
        messages: what is said so far.
        tools: what the model may call.
        timeout: seconds for everything.
        force: the tool that has to be called.
        on_chunk: is given what has come so far, each time that more came.

    Raises:
        ModelError: there is no whole answer: refused, silent, cut, too long, not understood. It says which.
    """
    try:
        bound = model.bind_tools(tools, **_forced(model, force)) if tools else model
        said = await asyncio.wait_for(_heard(cast(Any, bound.astream(list(messages))), on_chunk), timeout)
    except ModelError:
        raise
    except asyncio.TimeoutError:
        raise ModelError(f"the model has not answered within {timeout:g} s") from None
    except Exception as error:  # providers' packages share no base class
        raise _mapped(error) from error
    if said is None:
        raise ModelError("the model answered nothing")
    _check_end(said, _ENDS.get(_package_of(model)))
    return _strictly(said)


def _forced(model: BaseChatModel, tool: str | None) -> dict[str, Any]:
    """Each provider's class translates a name; the community's take only what is sent on as it is."""
    if tool is None:
        return {}
    plain = _package_of(model) == "langchain_community"
    return {"tool_choice": {"type": "function", "function": {"name": tool}} if plain else tool}


def _package_of(model: BaseChatModel) -> str:
    return type(model).__module__.partition(".")[0]


def _check_end(said: AIMessageChunk, reason: str | None) -> None:
    """Refuse what was cut, be it by the service's limit or by a connection that ended early."""
    if reason is None:
        return
    if not (told := said.response_metadata.get(reason)):
        raise ModelError("the model's answer was cut: it ends without saying so")
    if told in _CUT:
        raise ModelError("the model's answer was cut: it has as many tokens as one answer may have")


def _strictly(said: AIMessageChunk) -> AIMessage:
    """The whole message. LangChain guesses the rest of a call's JSON that is broken: here such a call is none."""
    message = cast(AIMessage, message_chunk_to_message(said))
    broken = {call["id"] for call in said.tool_call_chunks if not _is_json(call["args"] or "{}")}
    invalid = [invalid_tool_call(name=c["name"], args=c["args"], id=c["id"]) for c in said.tool_call_chunks if c["id"] in broken]
    calls = [call for call in message.tool_calls if call["id"] not in broken]
    return message.model_copy(update={"tool_calls": calls, "invalid_tool_calls": invalid}) if broken else message


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def _heard(
    chunks: AsyncGenerator[AIMessage, None], on_chunk: Callable[[AIMessageChunk], Awaitable[None]] | None
) -> AIMessageChunk | None:
    """Everything that comes, put together, within a bound."""
    said: AIMessageChunk | None = None
    async with contextlib.aclosing(chunks) as coming:
        async for message in coming:
            chunk = _as_chunk(message)
            said = chunk if said is None else said + chunk
            if length_of(said) > _MAX_CHARACTERS:
                raise ModelError(f"the model's answer has more than {_MAX_CHARACTERS:,} characters")
            if on_chunk is not None:
                await on_chunk(said)
    return said


def _as_chunk(message: AIMessage) -> AIMessageChunk:
    """What a model that cannot stream answers comes whole."""
    if isinstance(message, AIMessageChunk):
        return message
    made = [(call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls]
    made += [(call["name"] or "", call["args"] or "", call["id"]) for call in message.invalid_tool_calls]
    return AIMessageChunk(
        content=message.content,
        tool_call_chunks=[
            tool_call_chunk(name=name, args=args, id=number, index=index) for index, (name, args, number) in enumerate(made)
        ],
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
    )


def length_of(said: AIMessageChunk) -> int:
    """Characters of an answer, calls included."""
    return len(str(said.text)) + sum(len(call.get("args") or "") for call in said.tool_call_chunks)


def _mapped(error: Exception) -> ModelError:
    """What a provider's package said, in one line."""
    status = getattr(error, "status_code", None)
    said = " ".join(str(error).split())[:_MAX_WORDS]
    if status in (401, 403):
        return ModelRefused(f"the model's service refuses the key ({status}): {said}")
    if status == 404:
        return ModelUnknown(f"the model's service knows no such model, or has no such path (404): {said}")
    if (cause := _unreached(error)) is not None:
        return ModelUnreachable(f"the model's service cannot be reached: {' '.join(str(cause).split())[:_MAX_WORDS] or said}")
    return ModelError(f"the model cannot be asked: {type(error).__name__}" + (f" {status}" if status else "") + f": {said}")


def _unreached(error: Exception) -> BaseException | None:
    """Why no connection came about; None when one did. Providers' packages wrap what httpx says."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, _UNREACHED):
        cause = cause.__cause__ or cause.__context__
    return cause
