"""Text from outside made harmless to show: a console's tail, an error's words, whatever a service said.

What remains can neither steer a terminal, nor reverse or hide other text, nor be endless. It is still text: HTML is escaped
where HTML is written.
"""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"
_READ = 20  # times as many characters are looked at as may be shown, from the end that is kept
_MAX_MARKS = 6  # combining marks on one character; no script in use needs more, and endless ones cover other lines

# ECMA-48, 5.4 and 5.6: strings that set titles and links (OSC, DCS, APC, PM, SOS), control sequences (colours, cursor), others
_ESCAPES = re.compile(r"\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?")
_LINE_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_LINK = re.compile(r"(?i):(?=//)|(?<=\bmailto):|(?<=\bjavascript):|(?<=\bwww)\.")
_COMBINING = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARKS = re.compile(f"({_COMBINING}{{{_MAX_MARKS}}}){_COMBINING}+")


def one_line(text: str, limit: int) -> str:
    """The text on one line of at most ``limit`` characters, its beginning kept."""
    return _shortened(" ".join(_visible(_LINE_BREAKS.sub(" ", text[: _READ * limit])).split()), limit)


def last_lines(text: str, count: int, limit: int) -> tuple[str, ...]:
    """The last ``count`` lines that are not blank, each of at most ``limit`` characters. Indentation is kept."""
    lines = (_visible(line).rstrip() for line in _LINE_BREAKS.split(text[-_READ * count * limit :]))
    return tuple(_shortened(line, limit) for line in [line for line in lines if line.strip()][-count:])


def harmless(text: str) -> str:
    """The whole text with its line feeds, and nothing in it that steers a terminal, or hides or reverses other text."""
    return text if text.isprintable() else "\n".join(map(_visible, text.split("\n")))


def unlinked(line: str) -> str:
    """The line without anything that mail programs make a link of by themselves: 'https[:]//' is read by people only."""
    return _LINK.sub(lambda found: f"[{found[0]}]", line)


def _visible(line: str) -> str:
    if not line.isprintable():
        line = "".join(map(_character, _ESCAPES.sub("", line)))
    return _MARKS.sub(r"\1", unicodedata.normalize("NFC", line))


def _character(char: str) -> str:
    """Itself, or what stands for it: tabs become spaces, format characters (bidi, zero-width, tags) go."""
    category = unicodedata.category(char)
    if category == "Cf" or (category == "Cc" and char != "\t"):
        return ""
    if category in ("Cs", "Co", "Cn"):
        return "\ufffd"
    return "    " if char == "\t" else char


def _shortened(line: str, limit: int) -> str:
    return line if len(line) <= limit else line[: limit - len(ELLIPSIS)].rstrip() + ELLIPSIS
