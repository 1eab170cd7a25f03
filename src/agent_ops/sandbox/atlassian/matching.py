"""From a query's tree to a function that says whether a thing is meant; what a field means is the service's own."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any as Thing

from agent_ops.sandbox.atlassian.lexer import QueryError
from agent_ops.sandbox.atlassian.parser import All, Any, Clause, Node, Not

Test = Callable[[Thing], bool]
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def test_of(where: Node, clause_test: Callable[[Clause], Test]) -> Test:
    """The whole tree's test.

    Raises:
        QueryError: with what every clause says against itself.
    """
    said: list[str] = []

    def build(node: Node) -> Test:
        if isinstance(node, Clause):
            try:
                return clause_test(node)
            except QueryError as error:
                said.extend(error.said)
                return lambda thing: False
        if isinstance(node, Not):
            inner = build(node.part)
            return lambda thing: not inner(thing)
        return _joined(node, [build(part) for part in node.parts])

    test = build(where)
    if said:
        raise QueryError(*dict.fromkeys(said))
    return test


def _joined(node: All | Any, tests: list[Test]) -> Test:
    if isinstance(node, All):
        return lambda thing: all(test(thing) for test in tests)
    return lambda thing: any(test(thing) for test in tests)
