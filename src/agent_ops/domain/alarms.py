"""What the mail about a breaker says. Pure, as :mod:`agent_ops.domain.contents`; it names no hire."""

from __future__ import annotations

from agent_ops.domain.contents import Contents, Tone
from agent_ops.domain.limits import Breaker
from agent_ops.domain.plain import one_line, unlinked


def alarm_of(breaker: Breaker) -> Contents:
    """A breaker tripped: what it holds, why, and who ends it."""
    return Contents(
        subject=f"Breaker {breaker.id} tripped: new changes are held",
        tone=Tone.BAD,
        lead=f"More was asked for than is ordinary, so {_said(breaker.held)} is held until a person has looked at it.",
        facts=(
            ("What happened", _said(breaker.reason)),
            ("By", _said(breaker.others)),
            ("Since", f"{breaker.at:%Y-%m-%d %H:%M} UTC"),
        ),
        next=(
            "Nothing is lost and nobody is left half provisioned: what has begun goes on, what has not begun waits.",
            "See `agent-ops status`. Was it wanted? Then an administrator closes the breaker with "
            f"`agent-ops breaker close {breaker.id}`, and everything goes on by itself. It has to be somebody other than "
            f"{_said(breaker.others)}.",
            "Was it not? Then `agent-ops cancel` ends what is held.",
        ),
    )


def _said(words: str) -> str:
    return unlinked(one_line(words, 200))
