"""Opaque marks by which a client reads on: a place in the list that one question has, and no other question's."""

from __future__ import annotations

import base64
import hashlib


def cursor(question: str, offset: int) -> str:
    """The mark of a place in a question's list."""
    return base64.urlsafe_b64encode(f"{offset}:{_print(question)}".encode()).decode()


def offset_of(mark: str, question: str) -> int | None:
    """The place that a mark stands for; None when it is none of this question's."""
    try:
        offset, _, print_ = base64.urlsafe_b64decode(mark.encode()).decode().partition(":")
        place = int(offset)
    except ValueError:
        return None
    return place if print_ == _print(question) and place >= 0 else None


def _print(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:24]
