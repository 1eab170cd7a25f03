"""An OpenAI-compatible model server on loopback that plans competently, or misbehaves in a named way.

It knows nothing of the run but what it is told: it reads the briefing as a model would. POST /v1/chat/completions, streamed or
not (https://platform.openai.com/docs/api-reference/chat).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_HANDLE = re.compile(r"([a-z_]+)(?:\(([^)]*)\))?(\*?)")
_CUT_AFTER = 60


@dataclass
class Call:
    """A call of the tool ``decide``, as text: it need not be JSON."""

    arguments: str
    name: str = "decide"


@dataclass
class Reply:
    """What the server answers: calls and text, or a status.

    Args:
        cut: the connection breaks amid the answer.
        unfinished: a stream ends amid its answer as if all had been said: no finish reason, no error.
        delay: seconds before the first byte; ``drip``: seconds between any two pieces.
        raw: the body as it is sent, whatever was asked for; ``silent`` closes the connection without one.
        contrary: streams where a whole answer was asked for, and the other way round.
    """

    calls: list[Call] = field(default_factory=list)
    text: str = ""
    status: int = 200
    cut: bool = False
    unfinished: bool = False
    delay: float = 0.0
    drip: float = 0.0
    finish: str = ""
    usage: bool = True
    raw: bytes = b""
    silent: bool = False
    contrary: bool = False
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[list[dict[str, Any]], int], Reply]
"""The conversation and the number of the request, counted from 1, to a reply."""


def told(messages: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The briefing's lines by their first word."""
    found: dict[str, list[str]] = {}
    briefing = next(str(m["content"]) for m in messages if m["role"] == "user")
    for line in briefing.splitlines():
        word, _, rest = line.partition(": ")
        found.setdefault(word, []).append(rest)
    return found


def competent(messages: list[dict[str, Any]], number: int) -> Reply:
    """Plan everything that is due, or finish; as an agent do what the goal names, then say so."""
    if is_planner(messages):
        return Reply([Call(json.dumps(plan(messages)))])
    if any(message["role"] == "tool" for message in messages):
        return Reply(text="it is done, as the tool says")
    named = _HANDLE.search(str(messages[1]["content"]))
    tool, item = (named.group(1), named.group(2)) if named else ("nothing", None)
    return Reply([Call(json.dumps({"item": item} if item else {}), tool)])


def is_planner(messages: list[dict[str, Any]]) -> bool:
    """Whether it is the planner who asks, not an agent."""
    return "Call `decide`" in str(messages[0]["content"])


def plan(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The arguments of a decision that can be followed."""
    system = str(messages[0]["content"])
    due = [part for line in told(messages).get("due", []) for part in line.split(", ") if part != "nothing"]
    handles = [found.groups() for part in due if (found := _HANDLE.fullmatch(part))]
    steps = [_step(number, tool, item, mark, system) for number, (tool, item, mark) in enumerate(handles)]
    if not steps:
        return {"thought": "nothing is left: finish", "summary": "everything that was due was done or tried"}
    account = [s["id"] for s in steps if s["tool"] in ("create_account", "link_account")]
    attributes = [s["id"] for s in steps if s["tool"] == "set_attributes"]
    groups = [s["id"] for s in steps if s.pop("marked")]
    for step in steps:
        before = account if step["id"] not in account else []
        if step["tool"] == "add_to_group":
            before = [*before, *attributes]
        if step["tool"] == "run_pipeline":
            before = [*before, *groups]
        step["after"] = before
    return {"thought": f"do {len(steps)} things, the account first", "steps": steps}


def _step(number: int, tool: str, item: str | None, mark: str, system: str) -> dict[str, Any]:
    line = next((line for line in system.splitlines() if re.search(rf"\b{tool}\(", line)), "nobody:")
    arguments = {"item": item} if item else {}
    return {"id": f"s{number}", "agent": line.partition(":")[0], "tool": tool, "arguments": arguments, "marked": bool(mark)}


@dataclass
class ModelServer:
    """The server. ``behaviour`` may be changed while it runs; ``requests`` are the bodies that it was sent."""

    behaviour: Behaviour = competent
    key: str = "sk-good"
    latency: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ConnectionError:  # the client is gone
            return web.Response()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, status=401)
        reply = self.behaviour(body["messages"], len(self.requests))
        await asyncio.sleep(self.latency + reply.delay)
        if reply.silent and request.transport is not None:
            request.transport.abort()
        if reply.raw:
            return web.Response(body=reply.raw, status=reply.status, headers=reply.headers)
        if reply.status != 200:
            error = {"message": reply.text or "the server had an error", "type": "server_error"}
            return web.json_response({"error": error}, status=reply.status, headers=reply.headers)
        streamed = bool(body.get("stream")) is not reply.contrary
        return await (_streamed if streamed else _at_once)(request, body, reply)


@contextlib.asynccontextmanager
async def serving(server: ModelServer) -> AsyncIterator[ModelServer]:
    """Serve on a free port of the loopback."""
    app = web.Application(client_max_size=8 << 20)
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        await runner.cleanup()


def tokens(text: str) -> int:
    """As the peers' harness counts where it has no tokenizer: a token for four characters."""
    return max(1, len(text) // 4)


def prompt_tokens(body: dict[str, Any]) -> int:
    """What the conversation and the tools take."""
    said = sum(4 + tokens(str(m.get("content") or "")) for m in body["messages"])
    return said + (tokens(json.dumps(body["tools"])) if body.get("tools") else 0)


def _usage(body: dict[str, Any], reply: Reply) -> dict[str, int]:
    asked, said = prompt_tokens(body), tokens(reply.text + "".join(call.name + call.arguments for call in reply.calls))
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _base(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "created": 1, "model": body.get("model", "m"), "object": kind}


def _calls(reply: Reply) -> list[dict[str, Any]]:
    numbers = itertools.count()
    return [
        {"index": next(numbers), "id": f"call_{n}", "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
        for n, c in enumerate(reply.calls)
    ]


def _whole(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = _calls(reply)
    finish = reply.finish or ("tool_calls" if reply.calls else "stop")
    usage = {"usage": _usage(body, reply)} if reply.usage else {}
    return {
        **_base(body, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **usage,
    }


async def _at_once(request: web.Request, body: dict[str, Any], reply: Reply) -> web.StreamResponse:
    whole = json.dumps(_whole(body, reply)).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(whole))})
    await response.prepare(request)
    for piece in (whole[i : i + 200] for i in range(0, len(whole), 200)):
        await response.write(piece)
        await asyncio.sleep(reply.drip)
        if (reply.cut or reply.unfinished) and request.transport is not None:
            request.transport.abort()
            break
    return response


async def _streamed(request: web.Request, body: dict[str, Any], reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    sent = 0
    for delta in _deltas(reply):
        await response.write(_event({**_base(body, "chat.completion.chunk"), "choices": [{"index": 0, "delta": delta}]}))
        await asyncio.sleep(reply.drip)
        sent += len(json.dumps(delta))
        if (reply.cut or reply.unfinished) and sent > _CUT_AFTER:
            if reply.cut and request.transport is not None:
                request.transport.abort()
            return response
    finish = reply.finish or ("tool_calls" if reply.calls else "stop")
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    await response.write(_event({**_base(body, "chat.completion.chunk"), **end}))
    if reply.usage:
        await response.write(_event({**_base(body, "chat.completion.chunk"), "choices": [], "usage": _usage(body, reply)}))
    await response.write(b"data: [DONE]\n\n")
    return response


def _deltas(reply: Reply) -> list[dict[str, Any]]:
    """The reply in pieces of 40 characters, as a model makes it."""
    pieces: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    pieces += [{"content": reply.text[i : i + 40]} for i in range(0, len(reply.text), 40)]
    for call in _calls(reply):
        arguments = call["function"]["arguments"]
        pieces.append({"tool_calls": [{**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
        pieces += [
            {"tool_calls": [{"index": call["index"], "function": {"arguments": arguments[i : i + 40]}}]}
            for i in range(0, len(arguments), 40)
        ]
    return pieces


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
