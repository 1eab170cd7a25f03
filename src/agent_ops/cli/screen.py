"""The screen: what services, files and requests said is shown as text; it can neither steer the terminal nor hide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from agent_ops.domain.plain import harmless

_UNSEEN = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]")


class Screen(Console):
    """Rich's console, which takes no markup from texts and lets none of their control characters through."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Rich's own control segments (colours, cursor) pass; everything else is text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def json_text(data: Any, indent: int | None = 2) -> str:
    """JSON with its letters as they are, and what nobody sees as escapes (RFC 8259, 7)."""
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(data, ensure_ascii=False, indent=indent))
