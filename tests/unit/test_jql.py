"""The twins' query language: what it understands, and what it says of the rest, in the words that Jira's own tests want."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.sandbox.atlassian.cursors import cursor, offset_of
from agent_ops.sandbox.atlassian.lexer import QueryError
from agent_ops.sandbox.atlassian.matching import test_of as compiled
from agent_ops.sandbox.atlassian.moments import function_moment, moment_of
from agent_ops.sandbox.atlassian.parser import All, Any, Clause, Empty, Function, Not, Value, parse
from agent_ops.sandbox.atlassian.words import searcher

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=timezone.utc).timestamp()  # a Wednesday


def a(operator: str, *values: str, field: str = "a") -> Clause:
    return Clause(field, operator, tuple(map(Value, values)))


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("a = b", a("=", "b")),
        ("a=b", a("=", "b")),
        ('"a" = "b c"', a("=", "b c")),
        ("a != 'it\\'s'", a("!=", "it's")),
        ('a in (b, "c")', a("IN", "b", "c")),
        ("a NOT IN (b)", a("NOT IN", "b")),
        ("a is EMPTY", Clause("a", "IS", (Empty(),))),
        ("a is not null", Clause("a", "IS NOT", (Empty(),))),
        ("a >= -7d", a(">=", "-7d")),
        ("a >= startOfWeek('-1w')", Clause("a", ">=", (Function("startOfWeek", ("-1w",)),))),
        ("a in (currentUser(), b)", Clause("a", "IN", (Function("currentUser"), Value("b")))),
        ("not a = b", Not(a("=", "b"))),
        ("!a = b", Not(a("=", "b"))),
        ("a=b and a=c or a=d", Any((All((a("=", "b"), a("=", "c"))), a("=", "d")))),
        ("a=b && (a=c || a=d)", All((a("=", "b"), Any((a("=", "c"), a("=", "d")))))),
    ],
)
def test_queries_are_read_as_they_bind(query: str, tree: object) -> None:
    assert parse(query).where == tree


def test_order_is_read() -> None:
    query = parse("a = b ORDER BY created DESC, key asc, summary")
    assert query.order == (("created", True), ("key", False), ("summary", None))
    assert parse("order by created").where is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("comment ~ 'test", "The quoted string 'test' has not been completed. (line 1, character 11)"),
        ("comment ~ '", "The quoted string has not been completed. (line 1, character 11)"),
        ("mine{www = q", "The character '{' is a reserved JQL character. You must enclose it in a string or use the escape"
         " '\\u007b' instead. (line 1, character 5)"),
        ("reporter=a/user", "The character '/' is a reserved JQL character. You must enclose it in a string or use the escape"
         " '\\u002f' instead. (line 1, character 11)"),
        ("a =b order", "Expecting 'by' before the end of the query."),
        ("a =b order summary", "Expecting 'by' but got 'summary'. (line 1, character 12)"),
        ("a =b order by", "Expecting a field name at the end of the query."),
        ("a =b order by asc", "Expecting a field name but got 'asc'. You must surround 'asc' in quotation marks to use it as a"
         " field name. (line 1, character 15)"),
        ("a =b order by ajsks blah", "Expecting either 'ASC' or 'DESC' but got 'blah'. (line 1, character 21)"),
        ("'' = c", "A field name cannot be empty. (line 1, character 1)"),
        ("a", "Expecting operator before the end of the query. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~',"
         " '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."),
        ("a blah >", "Expecting operator but got 'blah'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~',"
         " 'IN', 'NOT IN', 'IS' and 'IS NOT'. (line 1, character 3)"),
        ("a =a and j not is empty", "Expecting 'IN' but got 'is'. (line 1, character 16)"),
        ("a =a and j is ! empty", "Expecting 'NOT' but got '!'. (line 1, character 15)"),
        ("a = func(", "Expecting ')' before the end of the query."),
        ("k = func(abc, jk!)", "Expecting ')' or ',' but got '!'. (line 1, character 17)"),
        ("(a=b and c = d", "Expecting ')' before the end of the query."),
        ("a=", "Expecting either a value, list or function before the end of the query."),
        ("a=!", "Expecting either a value, list or function but got '!'. You must surround '!' in quotation marks to use it as a"
         " value. (line 1, character 3)"),
        ("a=b c=d", "Expecting either 'OR' or 'AND' but got 'c'. (line 1, character 5)"),
        ("a = b and", "Expecting a field name at the end of the query."),
        ("a = b order by a desc b", "Expecting ',' but got 'b'. (line 1, character 23)"),
        (", a = b", "Expecting a field name but got ','. You must surround ',' in quotation marks to use it as a field name."
         " (line 1, character 1)"),
        ("summary ~\n select", "'select' is a reserved JQL word. You must surround it in quotation marks to use it in a query."
         " (line 2, character 2)"),
        ("a = 'x\\q'", "'\\q' is an illegal JQL escape sequence. The valid escape sequences are \\', \\\", \\t, \\n, \\r,"
         " \\\\, '\\ ' and \\uXXXX. (line 1, character 7)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_jiras_words(query: str, said: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(query)
    assert refused.value.said == (f"Error in the JQL Query: {said}",)


def test_a_deeply_nested_query_is_refused_and_breaks_nothing() -> None:
    with pytest.raises(QueryError, match="nested too deeply"):
        parse("(" * 5000 + "a = b" + ")" * 5000)


@given(st.text())
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        assert error.said


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_quoted_value_is_itself(text: str) -> None:
    quoted = json.dumps(text, ensure_ascii=False)
    assert parse(f"a = {quoted}").where == a("=", text)


TREES = st.recursive(
    st.sampled_from([a("=", "1"), a("=", "2"), a("=", "3")]),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: All(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: Any(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


def written(tree: object) -> str:
    if isinstance(tree, Clause):
        return f"a = {tree.operands[0].text}"  # type: ignore[union-attr]
    if isinstance(tree, Not):
        return f"NOT ({written(tree.part)})"
    assert isinstance(tree, (All, Any))
    return (" AND " if isinstance(tree, All) else " OR ").join(f"({written(part)})" for part in tree.parts)


def meant(tree: object, thing: str) -> bool:
    """What the tree says of a thing, by Python's own and, or, not."""
    if isinstance(tree, Clause):
        return tree.operands[0] == Value(thing)
    if isinstance(tree, Not):
        return not meant(tree.part, thing)
    assert isinstance(tree, (All, Any))
    truths = [meant(part, thing) for part in tree.parts]
    return all(truths) if isinstance(tree, All) else any(truths)


@given(TREES)
def test_a_tree_means_what_it_says(tree: object) -> None:
    query = parse(written(tree)).where
    assert query is not None
    test = compiled(query, lambda clause: lambda thing: clause.operands[0] == Value(thing))
    assert [test(thing) for thing in "123"] == [meant(tree, thing) for thing in "123"]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-03-01", datetime(2026, 3, 1)),
        ("2026/03/01", datetime(2026, 3, 1)),
        ("2026-03-01 09:30", datetime(2026, 3, 1, 9, 30)),
        ("-1d", datetime(2026, 3, 17, 15, 30)),
        ("-1w 2d", datetime(2026, 3, 9, 15, 30)),
        ("4h", datetime(2026, 3, 18, 19, 30)),
        ("30m", datetime(2026, 3, 18, 16, 0)),
        ("yesterday", None),
        ("-1", None),
    ],
)
def test_dates(text: str, when: datetime | None) -> None:
    assert moment_of(text, NOW) == (when.replace(tzinfo=timezone.utc).timestamp() if when else None)


@pytest.mark.parametrize(
    ("name", "argument", "when"),
    [
        ("now", "", datetime(2026, 3, 18, 15, 30)),
        ("now", "-4w", datetime(2026, 2, 18, 15, 30)),
        ("startOfDay", "", datetime(2026, 3, 18)),
        ("startOfWeek", "", datetime(2026, 3, 15)),
        ("startOfWeek", "-1", datetime(2026, 3, 8)),
        ("startOfMonth", "-1M", datetime(2026, 2, 1)),
        ("startOfYear", "", datetime(2026, 1, 1)),
        ("endOfMonth", "", datetime(2026, 3, 31, 23, 59, 59)),
        ("startOfDay", "soon", None),
        ("bogus", "", None),
    ],
)
def test_functions_of_dates(name: str, argument: str, when: datetime | None) -> None:
    found = function_moment(Function(name, (argument,) if argument else ()), NOW)
    assert found == (when.replace(tzinfo=timezone.utc).timestamp() if when else None)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("jane doe", True),
        ("doe jane", True),
        ('"jane doe"', True),
        ('"doe jane"', False),
        ("jan", False),
        ("jan*", True),
        ("Jane's", False),
        ("acme/web", True),
        ("", False),
    ],
)
def test_words(sought: str, found: bool) -> None:
    assert searcher(sought)("Access for Jane Doe to acme/web") is found


def test_a_mark_belongs_to_its_question() -> None:
    mark = cursor("project = OPS", 50)
    assert offset_of(mark, "project = OPS") == 50
    assert offset_of(mark, "project = SEC") is None
    assert offset_of("bm9uc2Vuc2U=", "project = OPS") is None
    assert offset_of("…", "project = OPS") is None
