"""The tokens of a query in JQL or CQL, and what is wrong with one in Jira's words.

Reserved characters and words: https://support.atlassian.com/jira-software-cloud/docs/what-is-advanced-search-in-jira-cloud
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS = ("!=", "<=", ">=", "!~", "&&", "||", "=", "<", ">", "~", "!")
_RESERVED = "{}*/%+$#@?;[]^|&`"
_PLAIN = re.compile(r"[^\s\"'=!<>~(),\\" + re.escape(_RESERVED) + r"]+")
_ESCAPES = {"'": "'", '"': '"', "\\": "\\", " ": " ", "t": "\t", "n": "\n", "r": "\r"}
_VALID = "The valid escape sequences are \\', \\\", \\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX."
_SOME_RESERVED_WORDS = """
abort access add all alter any as avg begin between break cast char check column commit count create current date
default delete desc distinct do drop else end escape exec exists explain false field first for function go grant group
having if increment index insert int into join last left like limit lock max min mode modify next number of option
output power previous public raise return right row select session set share size start string sum table then trigger
true union unique update user validate values view when where while with"""
RESERVED_WORDS = frozenset(_SOME_RESERVED_WORDS.split())


class QueryError(Exception):
    """A query that cannot be understood or answered; each of ``said`` is one message."""

    def __init__(self, *said: str) -> None:
        self.said = said
        super().__init__(" ".join(said))


@dataclass(frozen=True)
class Token:
    """``kind`` is 'word', 'string', 'mark' (an operator, bracket or comma) or 'end'. ``at`` counts characters from 0."""

    kind: str
    text: str
    at: int

    def means(self, word: str) -> bool:
        """Whether it is this word or mark, unquoted and in any case."""
        return self.kind in ("word", "mark") and self.text.lower() == word


def tokens(query: str) -> Iterator[Token]:
    """Every token, an 'end' last.

    Raises:
        QueryError: a character that must be escaped, or a string without an end.
    """
    at = 0
    while at < len(query):
        char = query[at]
        if char.isspace():
            at += 1
            continue
        if char in "\"'":
            text, end = _string(query, at)
            yield Token("string", text, at)
        else:
            kind, text = _unquoted(query, at)
            yield Token(kind, text, at)
            end = at + len(text)
        at = end
    yield Token("end", "", len(query))


def place(query: str, at: int) -> str:
    """Where in a query something stands, as Jira says it."""
    line = query.count("\n", 0, at)
    return f"(line {line + 1}, character {at - query.rfind(chr(10), 0, at)})"


def _unquoted(query: str, at: int) -> tuple[str, str]:
    char = query[at]
    if char in "(),":
        return "mark", char
    operator = next((one for one in _OPERATORS if query.startswith(one, at)), None)
    if operator:
        return "mark", operator
    found = _PLAIN.match(query, at)
    if found is None:
        raise QueryError(_reserved(query, at))
    return "word", found[0]


def _reserved(query: str, at: int) -> str:
    char = query[at]
    if char == "\\":
        return f"Error in the JQL Query: '{query[at : at + 2]}' is an illegal JQL escape sequence. {_VALID} {place(query, at)}"
    return (
        f"Error in the JQL Query: The character '{char}' is a reserved JQL character. You must enclose it in a string or use the"
        f" escape '\\u{ord(char):04x}' instead. {place(query, at)}"
    )


def _string(query: str, start: int) -> tuple[str, int]:
    """A quoted string's text, and where it ends."""
    quote, at, text = query[start], start + 1, ""
    while at < len(query) and query[at] != quote:
        if query[at] == "\\":
            char, at = _escape(query, at)
            text += char
        else:
            text += query[at]
            at += 1
    if at >= len(query):
        words = f"'{text}' has" if text else "has"
        raise QueryError(f"Error in the JQL Query: The quoted string {words} not been completed. {place(query, start)}")
    return text, at + 1


def _escape(query: str, at: int) -> tuple[str, int]:
    code = re.compile(r"\\u([0-9a-fA-F]{4})").match(query, at)
    if code:
        return chr(int(code[1], 16)), at + 6
    char = query[at + 1 : at + 2]
    if char not in _ESCAPES or not char:
        sequence = query[at : at + (3 if char == "u" else 2)]
        raise QueryError(f"Error in the JQL Query: '{sequence}' is an illegal JQL escape sequence. {_VALID} {place(query, at)}")
    return _ESCAPES[char], at + 2
