"""The harness's scripted model with one rule more: who is offered `decide` gets a decision. The others stay.

``python decide_rule.py --port P``, in the harness's directory: its ``fake_llm.py`` stays as it is, byte for byte.
"""

from __future__ import annotations

import argparse
from typing import Any

import fake_llm
from aiohttp import web
from proofs.model_server import plan

_theirs = fake_llm.decide
Answer = tuple[str, str, list[tuple[str, dict[str, Any]]]]


def decide(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Answer:
    """The kind of answer, its text, its calls."""
    if any(tool["function"]["name"] == "decide" for tool in tools):
        return "decide", "", [("decide", plan(messages))]
    return _theirs(messages, tools)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, required=True)
    fake_llm.decide = decide
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/chat/completions", fake_llm.completions)
    app.router.add_get("/stats", fake_llm.stats)
    app.router.add_post("/config", fake_llm.config)
    web.run_app(app, host="127.0.0.1", port=asked.parse_args().port, print=None, access_log=None)


if __name__ == "__main__":
    main()
