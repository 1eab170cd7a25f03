"""The ``$filter`` language of Graph's directory objects: parsed, checked against the schema, and asked of entries.

Grammar: https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html
What Entra ID serves of it, and what only as an advanced query: https://learn.microsoft.com/graph/aad-advanced-queries
Comparison of text ignores case there.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import GraphError, bad_request, needs_advanced, refused, unsupported_clause
from agent_ops.sandbox.entra.moments import normal_moment
from agent_ops.sandbox.entra.schema import BOOLEAN, COMPLEX, DATE_TIME, OTHER, STRINGS, Schema

_GUID_SHAPE = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GUID = re.compile(_GUID_SHAPE)
_TOKEN = re.compile(
    rf"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<bare>{_GUID_SHAPE}|[-+]?[0-9][\w:.+-]*)"
    r"|(?P<word>[A-Za-z_@][\w.]*(?:/[A-Za-z_][\w.]*)*)|(?P<sign>[(),:]))"
)
_COMPARISONS = {"eq", "ne", "gt", "ge", "lt", "le"}
_ALWAYS_ADVANCED = {"ne": "Ne", "not": "Not", "endswith": "EndsWith"}
_DEEPEST, _LONGEST = 20, 100


class Filter(ABC):
    """A parsed filter."""

    @abstractmethod
    def test(self, entry: Entry) -> bool:
        """Whether the entry matches."""

    def equalities(self) -> tuple[tuple[str, str], ...] | None:
        """Paths and texts of which every match must equal one, when there are such pairs: an index can start from them."""
        return None


@dataclass(frozen=True)
class Comparison(Filter):
    """``path operator value``; of a list, any item."""

    path: str
    operator: str
    value: Any

    def test(self, entry: Entry) -> bool:
        found = entry.value(self.path)
        if isinstance(found, list):
            return any(_holds(self.operator, item, self.value) for item in found)
        return _holds(self.operator, found, self.value)

    def equalities(self) -> tuple[tuple[str, str], ...] | None:
        return ((self.path, self.value),) if self.operator == "eq" and isinstance(self.value, str) else None


@dataclass(frozen=True)
class Every(Filter):
    parts: tuple[Filter, ...]

    def test(self, entry: Entry) -> bool:
        return all(part.test(entry) for part in self.parts)

    def equalities(self) -> tuple[tuple[str, str], ...] | None:
        return next((pairs for part in self.parts if (pairs := part.equalities())), None)


@dataclass(frozen=True)
class Either(Filter):
    parts: tuple[Filter, ...]

    def test(self, entry: Entry) -> bool:
        return any(part.test(entry) for part in self.parts)

    def equalities(self) -> tuple[tuple[str, str], ...] | None:
        each = [part.equalities() for part in self.parts]
        return None if None in each else tuple(pair for pairs in each for pair in pairs or ())


@dataclass(frozen=True)
class Opposite(Filter):
    part: Filter

    def test(self, entry: Entry) -> bool:
        return not self.part.test(entry)


def parse_filter(text: str, schema: Schema, *, advanced: bool) -> Filter:
    """Raises the refusals that Graph answers."""
    parser = _Parser(text, schema, advanced)
    parsed = parser.either(0)
    if parser.peek()[0]:
        raise parser.error()
    return parsed


def _holds(operator: str, found: Any, value: Any) -> bool:
    if isinstance(found, str) and isinstance(value, str):
        return _text_holds(operator, found.casefold(), value.casefold())
    return (found == value) is (operator == "eq") if operator in ("eq", "ne") else False


def _text_holds(operator: str, found: str, value: str) -> bool:
    if operator == "startswith":
        return found.startswith(value)
    if operator == "endswith":
        return found.endswith(value)
    order = (found > value) - (found < value)
    return order in {"eq": (0,), "ne": (-1, 1), "ge": (0, 1), "le": (-1, 0)}[operator]


class _Parser:
    """Recursive descent over the tokens; every clause is checked as it is read."""

    def __init__(self, text: str, schema: Schema, advanced: bool) -> None:
        self._text, self._schema, self._advanced = text, schema, advanced
        self._tokens = self._tokenize()
        self._next = 0

    def either(self, depth: int) -> Filter:
        parts = [self._every(depth)]
        while self._accept("or"):
            parts.append(self._every(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def peek(self) -> tuple[str, str]:
        """Kind and text of the next token; empty at the end."""
        return self._tokens[self._next][:2] if self._next < len(self._tokens) else ("", "")

    def error(self) -> GraphError:
        at = self._tokens[self._next][2] if self._next < len(self._tokens) else len(self._text)
        return bad_request(f"Invalid filter clause: Syntax error at position {at} in '{self._text}'.")

    def _tokenize(self) -> list[tuple[str, str, int]]:
        tokens, at, text = [], 0, self._text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise bad_request(f"Invalid filter clause: Syntax error at position {at} in '{self._text}'.")
            tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        if len(tokens) > 8 * _LONGEST:
            raise bad_request(f"Invalid filter clause: The node count limit of '{_LONGEST}' has been exceeded.")
        return tokens

    def _every(self, depth: int) -> Filter:
        parts = [self._unary(depth)]
        while self._accept("and"):
            parts.append(self._unary(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _unary(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise bad_request("Invalid filter clause: Recursion depth exceeded allowed limit.")
        if self._accept("not"):
            self._need_advanced("not")
            return Opposite(self._unary(depth + 1))
        if self._accept("("):
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        return self._clause()

    def _clause(self) -> Filter:
        word = self._take("word")
        if word.lower() in ("startswith", "endswith"):
            return self._function(word.lower())
        if word.endswith("/any") and self._accept("("):
            return self._any(word.removesuffix("/any"))
        operator = self._take("word")
        if operator == "in":
            return self._in(word)
        if operator not in _COMPARISONS:
            raise self.error()
        return self._comparison(word, operator)

    def _function(self, operator: str) -> Filter:
        self._expect("(")
        path = self._take("word")
        self._expect(",")
        clause = self._comparison(path, operator)
        self._expect(")")
        return clause

    def _any(self, path: str) -> Filter:
        """``proxyAddresses/any(p:p eq 'smtp:x')``: the comparison of a list's items."""
        variable = self._take("word")
        self._expect(":")
        function = self.peek()[1].lower()
        if function in ("startswith", "endswith"):
            self._next += 1
            self._expect("(")
            self._expect(variable)
            self._expect(",")
            clause = self._comparison(path, function, item=True)
            self._expect(")")
        else:
            self._expect(variable)
            clause = self._comparison(path, self._take("word"), item=True)
        self._expect(")")
        return clause

    def _in(self, path: str) -> Filter:
        self._expect("(")
        parts = [self._comparison(path, "eq", written="in")]
        while self._accept(","):
            parts.append(self._comparison(path, "eq", written="in"))
        self._expect(")")
        return Either(tuple(parts))

    def _comparison(self, path: str, operator: str, *, item: bool = False, written: str = "") -> Filter:
        edm = self._check(path, written or operator, item)
        return Comparison(path, operator, self._literal(path, operator, edm))

    def _check(self, path: str, operator: str, item: bool) -> str:
        """Whether the directory serves this clause; answers the type of what is compared."""
        name, _, inner = path.partition("/")
        kind = self._schema.properties.get(name)
        if kind is None or (inner and inner not in kind.fields):
            missing = inner if kind else name
            raise bad_request(
                f"Invalid filter clause: Could not find a property named '{missing}' on type '{self._schema.edm_type}'."
            )
        served = {"eq", "startswith", "endswith"} if item else kind.operators
        comparable = item == (kind.edm == STRINGS) and (kind.edm != COMPLEX or bool(inner)) and kind.edm != OTHER
        if not comparable or not kind.operators or operator not in served:
            raise unsupported_clause(path, self._schema.name)
        if operator in _ALWAYS_ADVANCED:
            self._need_advanced(operator)
        if kind.advanced and not self._advanced:
            raise unsupported_clause(path, self._schema.name)
        return "Edm.String" if inner or kind.edm == STRINGS else kind.edm

    def _need_advanced(self, operator: str) -> None:
        if not self._advanced:
            raise needs_advanced(_ALWAYS_ADVANCED[operator])

    def _literal(self, path: str, operator: str, edm: str) -> Any:
        kind, text = self.peek()
        if kind not in ("text", "word", "bare"):
            raise self.error()
        self._next += 1
        if text == "null":
            return None
        value, found = _read_literal(kind, text)
        expected = "Edm.String" if path == "id" else edm
        if found != expected and not (path == "id" and found == "Edm.Guid"):
            raise bad_request(
                "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types"
                f" '{edm}' and '{found}' for operator kind '{operator}'."
            )
        if path == "id" and not _GUID.fullmatch(value):
            raise refused(f"Invalid object identifier '{value}'.")
        return value

    def _accept(self, text: str) -> bool:
        kind, found = self.peek()
        if kind in ("word", "sign") and found == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self.error()

    def _take(self, kind: str) -> str:
        found, text = self.peek()
        if found != kind:
            raise self.error()
        self._next += 1
        return text


def _read_literal(kind: str, text: str) -> tuple[Any, str]:
    """The value and its type. Times become comparable text."""
    if kind == "text":
        return text[1:-1].replace("''", "'"), "Edm.String"
    if text in ("true", "false"):
        return text == "true", BOOLEAN
    if _GUID.fullmatch(text):
        return text, "Edm.Guid"
    moment = normal_moment(text)
    if moment is not None:
        return moment, DATE_TIME
    return text, "Edm.Int32" if text.lstrip("+-").isdigit() else "Edm.Untyped"
