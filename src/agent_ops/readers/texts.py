"""Texts that other people wrote, made fit to be shown: harmless, and of a length that is known."""

from __future__ import annotations

import json

from agent_ops.domain.plain import ELLIPSIS, harmless, one_line


def shortened(text: str, limit: int) -> tuple[str, bool]:
    """The text's beginning of at most ``limit`` characters as JSON writes them, and whether something was left out."""
    clean = harmless(text[: limit * 2]).strip()
    whole = len(text) <= limit * 2
    if whole and _written(clean) <= limit:
        return clean, False
    room, kept = limit - len(ELLIPSIS), 0
    for char in clean:
        room -= _written(char)
        if room < 0:
            break
        kept += 1
    return clean[:kept].rstrip() + ELLIPSIS, True


def line(text: object, limit: int) -> str:
    """The text on one line, of at most ``limit`` characters as JSON writes them; empty for None."""
    return shortened(one_line("" if text is None else str(text), limit), limit)[0]


def _written(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False)) - 2
