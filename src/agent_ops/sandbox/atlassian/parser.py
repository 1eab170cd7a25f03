"""A query as a tree: clauses, AND, OR, NOT, parentheses, IN, IS EMPTY, functions, ORDER BY. JQL and CQL are written alike.

What is wrong with a query is said in Jira's words; Confluence only says that it could not parse it. Of JQL the operators WAS and
CHANGED, which ask for an issue's history, and custom fields by id (``cf[...]``) are not understood.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent_ops.sandbox.atlassian.lexer import RESERVED_WORDS, QueryError, Token, place, tokens

_COMPARISONS = ("=", "!=", "<", ">", "<=", ">=", "~", "!~")
_OPERATORS = "The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Value:
    """A value as it was written, without its quotes."""

    text: str


@dataclass(frozen=True)
class Function:
    """A function with its arguments, such as ``startOfWeek("-1w")``."""

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Empty:
    """The word EMPTY, or NULL."""


Operand = Value | Function | Empty


@dataclass(frozen=True)
class Clause:
    """One comparison. ``operator`` is in capitals and has its NOT; ``operands`` are several after IN only."""

    field: str
    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Not:
    part: Node


@dataclass(frozen=True)
class All:
    """AND."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Any:
    """OR."""

    parts: tuple[Node, ...]


Node = Clause | Not | All | Any


@dataclass(frozen=True)
class Query:
    """``where`` is None in a query that restricts nothing; ``order`` has fields and whether they descend (None: unsaid)."""

    where: Node | None
    order: tuple[tuple[str, bool | None], ...]


def parse(query: str, reserved: frozenset[str] = RESERVED_WORDS) -> Query:
    """The tree of a query; words that are ``reserved`` must be quoted to be values.

    Raises:
        QueryError: what is wrong, and where.
    """
    return _Parser(query, reserved).query()


class _Parser:
    """Recursive descent; OR binds less than AND, AND less than NOT."""

    def __init__(self, query: str, reserved: frozenset[str]) -> None:
        self._text, self._reserved = query, reserved
        self._tokens = list(tokens(query))
        self._at = 0
        self._depth = 0

    def query(self) -> Query:
        where = None if self._next.kind == "end" or self._next.means("order") else self._either()
        order: list[tuple[str, bool | None]] = []
        if self._take("order"):
            self._demand("by")
            order.append(self._sorting())
            while self._take(","):
                order.append(self._sorting())
        if self._next.kind != "end":
            raise self._unexpected("','" if order else "either 'OR' or 'AND'")
        return Query(where, tuple(order))

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *words: str) -> bool:
        if not any(self._next.means(word) for word in words):
            return False
        self._at += 1
        return True

    def _demand(self, word: str, shown: str = "") -> None:
        if not self._take(word):
            raise self._unexpected(f"'{shown or word}'")

    def _either(self) -> Node:
        parts = [self._both()]
        while self._take("or", "||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _both(self) -> Node:
        parts = [self._single()]
        while self._take("and", "&&"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _single(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise QueryError("Error in the JQL Query: The query is nested too deeply.")
        try:
            if self._take("not", "!"):
                return Not(self._single())
            if self._take("("):
                inner = self._either()
                self._demand(")")
                return inner
            return self._clause()
        finally:
            self._depth -= 1

    def _clause(self) -> Clause:
        field = self._field()
        operator = self._operator()
        if operator.endswith("IN"):
            return Clause(field, operator, self._list())
        return Clause(field, operator, (self._operand(),))

    def _field(self) -> str:
        token = self._next
        if token.kind == "string" and not token.text:
            raise QueryError(f"Error in the JQL Query: A field name cannot be empty. {place(self._text, token.at)}")
        if token.kind == "end":
            raise QueryError("Error in the JQL Query: Expecting a field name at the end of the query.")
        if token.kind == "mark" or token.means("asc") or token.means("desc"):
            raise self._unexpected("a field name", "a field name")
        self._at += 1
        return token.text

    def _operator(self) -> str:
        token = self._next
        if token.kind == "mark" and token.text in _COMPARISONS:
            self._at += 1
            return token.text
        if self._take("in"):
            return "IN"
        if self._take("is"):
            if self._next.kind == "mark":
                raise self._unexpected("'NOT'")
            return "IS NOT" if self._take("not") else "IS"
        if self._take("not"):
            self._demand("in", "IN")
            return "NOT IN"
        got = "before the end of the query." if token.kind == "end" else f"but got '{token.text}'."
        where = "" if token.kind == "end" else f" {place(self._text, token.at)}"
        raise QueryError(f"Error in the JQL Query: Expecting operator {got} {_OPERATORS}{where}")

    def _list(self) -> tuple[Operand, ...]:
        if not self._take("("):
            return (self._operand(),)
        operands = [self._operand()]
        while self._take(","):
            operands.append(self._operand())
        self._demand(")")
        return tuple(operands)

    def _operand(self) -> Operand:
        token = self._next
        if token.kind in ("mark", "end"):
            raise self._unexpected("either a value, list or function", "a value")
        self._at += 1
        if token.means("empty") or token.means("null"):
            return Empty()
        if token.kind == "word" and token.text.lower() in self._reserved:
            words = f"'{token.text}' is a reserved JQL word. You must surround it in quotation marks to use it in a query."
            raise QueryError(f"Error in the JQL Query: {words} {place(self._text, token.at)}")
        if self._take("("):
            return Function(token.text, self._arguments())
        return Value(token.text)

    def _arguments(self) -> tuple[str, ...]:
        given: list[str] = []
        while not self._take(")"):
            if given and not self._take(","):
                raise self._unexpected("')'" if self._next.kind == "end" else "')' or ','")
            if self._next.kind in ("mark", "end"):
                raise self._unexpected("')'")
            given.append(self._next.text)
            self._at += 1
        return tuple(given)

    def _sorting(self) -> tuple[str, bool | None]:
        field = self._field()
        if self._take("desc"):
            return field, True
        if self._take("asc"):
            return field, False
        if self._next.kind == "word":
            raise self._unexpected("either 'ASC' or 'DESC'")
        return field, None

    def _unexpected(self, wanted: str, use: str = "") -> QueryError:
        """What was expected instead of the next token; ``use`` is what quotes would make of it."""
        token = self._next
        if token.kind == "end":
            return QueryError(f"Error in the JQL Query: Expecting {wanted} before the end of the query.")
        advice = f" You must surround '{token.text}' in quotation marks to use it as {use}." if use else ""
        where = place(self._text, token.at)
        return QueryError(f"Error in the JQL Query: Expecting {wanted} but got '{token.text}'.{advice} {where}")
