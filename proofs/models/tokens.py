"""How many tokens a request takes: as OpenAI's models split it, and as everybody may estimate it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

from proofs.model_server import prompt_tokens

ENCODING = "o200k_base"
"""Of gpt-4o, gpt-5 and their like: https://github.com/openai/tiktoken/blob/main/tiktoken/model.py"""
_PER_MESSAGE = 4
"""What surrounds each message: https://developers.openai.com/cookbook/examples/how_to_count_tokens_with_tiktoken"""


def counted(bodies: list[dict[str, Any]]) -> int | None:
    """Prompt tokens of requests by the real encoding, tools as the JSON that is sent; None where its tables are not installed."""
    count = _counter()
    return sum(_prompt(body, count) for body in bodies) if count else None


def estimated(bodies: list[dict[str, Any]]) -> int:
    """The same by a token for four characters."""
    return sum(map(prompt_tokens, bodies))


def _prompt(body: dict[str, Any], count: Callable[[str], int]) -> int:
    said = sum(_PER_MESSAGE + count(str(message.get("content") or "")) for message in body["messages"])
    return said + (count(json.dumps(body["tools"])) if body.get("tools") else 0)


def _counter() -> Callable[[str], int] | None:
    """bpe-openai bears OpenAI's tables inside; tiktoken would download them."""
    with warnings.catch_warnings():  # it opens its tables in an old way
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import bpe_openai  # noqa: PLC0415 - for development only
        except ImportError:
            return None
        encoding = bpe_openai.get_encoding(ENCODING)
    return lambda text: len(encoding.encode(text))
