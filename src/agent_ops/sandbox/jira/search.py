"""JQL over a site's issues: https://support.atlassian.com/jira-software-cloud/docs/jql-fields, in Jira's words where it refuses.

Understood: project, status, statusCategory, assignee, reporter, creator, priority, issuetype, labels, key, text, summary,
description, comment, created and updated, each with the operators that Jira gives it; currentUser(), now(), startOf...() and
endOf...(). Not understood, though Jira would: WAS and CHANGED, every other field, and words in other forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent_ops.sandbox.atlassian.lexer import QueryError
from agent_ops.sandbox.atlassian.matching import COMPARE, Test, test_of
from agent_ops.sandbox.atlassian.moments import function_moment, moment_of
from agent_ops.sandbox.atlassian.parser import Clause, Empty, Function, Operand, Query, Value, parse
from agent_ops.sandbox.atlassian.words import searcher
from agent_ops.sandbox.jira.site import CATEGORIES, STATUSES, Site
from agent_ops.sandbox.records import Document

UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
Found = tuple[str, Document]
_ALIASES = {
    "issuekey": "key",
    "id": "key",
    "issue": "key",
    "type": "issuetype",
    "createddate": "created",
    "updateddate": "updated",
    "category": "statuscategory",
}
_SHOWN = {"statuscategory": "statusCategory"}
_EQUAL, _LISTED, _EMPTY = ("=", "!="), ("IN", "NOT IN"), ("IS", "IS NOT")
_DATE_FORMATS = (
    "Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d',"
    " '4w 2d'."
)
_RANKS = {"Low": 1, "Medium": 2, "High": 3}


@dataclass(frozen=True)
class _Field:
    """A field: the operators it takes, what an issue has there, and what a value written in a query means."""

    operators: tuple[str, ...]
    held: Callable[[Found], object]
    meant: Callable[[str], set[object]]


class IssueSearch:
    """Searches by JQL. ``closed`` are projects that may not be seen; ``now`` is the moment that dates are relative to."""

    def __init__(self, site: Site, closed: Iterable[str], now: float) -> None:
        self._site, self._closed, self._now = site, frozenset(closed), now
        listed = (*_EQUAL, *_LISTED)
        self._fields = {
            "project": _Field(listed, lambda one: _project(one[0]), self._projects),
            "status": _Field(listed, lambda one: one[1]["status"], self._statuses),
            "statuscategory": _Field(listed, lambda one: STATUSES[one[1]["status"]][1], _categories),
            "assignee": _Field((*listed, *_EMPTY), lambda one: one[1].get("assignee"), self._users),
            "reporter": _Field((*listed, *_EMPTY), lambda one: one[1].get("reporter"), self._users),
            "creator": _Field((*listed, *_EMPTY), lambda one: one[1].get("reporter"), self._users),
            "priority": _Field((*listed, *_EMPTY), lambda one: one[1].get("priority", "Medium"), _of(*_RANKS)),
            "issuetype": _Field(listed, lambda one: one[1].get("type", "Task"), _of("Task", "Bug", "Story")),
            "key": _Field(listed, lambda one: one[0], self._keys),
        }

    def search(self, jql: str) -> list[Found]:
        """What is meant, in its order; without one the newest first, as Jira has it.

        Raises:
            QueryError: it cannot be understood or answered.
        """
        query = parse(jql)
        if query.where is None:
            raise QueryError(UNBOUNDED)
        test = test_of(query.where, self._test)
        found = [one for one in self._site.issues.items() if _project(one[0]) not in self._closed and test(one)]
        return self._sorted(found, query)

    def _test(self, clause: Clause) -> Test:
        name = _ALIASES.get(clause.field.lower(), clause.field.lower())
        if name in _TEXTS:
            return self._text_test(name, clause)
        if name in ("created", "updated"):
            return self._date_test(name, clause)
        if name == "labels":
            return self._label_test(clause)
        field = self._fields.get(name)
        if field is None:
            raise QueryError(f"Field '{clause.field}' does not exist or you do not have permission to view it.")
        _check(clause, field.operators)
        if clause.operator in _EMPTY:
            return _negated(clause, lambda one: field.held(one) is None)
        meant = set().union(*(self._meant(name, field, operand) for operand in clause.operands))
        if clause.operator in ("!=", "NOT IN"):  # what has no value there is not found by either
            return lambda one: field.held(one) is not None and field.held(one) not in meant
        return lambda one: field.held(one) in meant

    def _meant(self, name: str, field: _Field, operand: Operand) -> set[object]:
        if isinstance(operand, Function):
            if operand.name.lower() != "currentuser" or name not in ("assignee", "reporter", "creator"):
                raise QueryError(f"Unable to find JQL function '{operand.name}()'.")
            return {self._site.me.account_id}
        if isinstance(operand, Empty):
            return {None}
        meant = field.meant(operand.text)
        if not meant and name == "key":
            raise QueryError(f"An issue with key '{operand.text}' does not exist for field 'key'.")
        if not meant:
            raise QueryError(f"The value '{operand.text}' does not exist for the field '{_SHOWN.get(name, name)}'.")
        return meant

    def _text_test(self, name: str, clause: Clause) -> Test:
        _check(clause, ("~", "!~", *(_EMPTY if name == "description" else ())))
        if clause.operator in _EMPTY:
            return _negated(clause, lambda one: not _TEXTS[name](one[1]))
        operand = clause.operands[0]
        if not isinstance(operand, Value) or not operand.text.strip():
            raise QueryError(f"The field '{clause.field}' does not support searching for an empty string.")
        seek = searcher(operand.text)
        return _negated(clause, lambda one: seek(_TEXTS[name](one[1])))

    def _date_test(self, name: str, clause: Clause) -> Test:
        _check(clause, (*COMPARE, *_EMPTY))
        if clause.operator in _EMPTY:
            return _negated(clause, lambda one: False)
        operand = clause.operands[0]
        at = None
        if isinstance(operand, Function):
            at = function_moment(operand, self._now)
            if at is None:
                raise QueryError(f"Unable to find JQL function '{operand.name}({', '.join(operand.arguments)})'.")
        elif isinstance(operand, Value):
            at = moment_of(operand.text, self._now)
        if at is None:
            written = operand.text if isinstance(operand, Value) else "EMPTY"
            raise QueryError(f"Date value '{written}' for field '{name}' is invalid. {_DATE_FORMATS}")
        compare, moment = COMPARE[clause.operator], at
        return lambda one: bool(compare(one[1][name], moment))

    def _label_test(self, clause: Clause) -> Test:
        _check(clause, (*_EQUAL, *_LISTED, *_EMPTY))
        if clause.operator in _EMPTY:
            return _negated(clause, lambda one: not one[1].get("labels"))
        wanted = {operand.text for operand in clause.operands if isinstance(operand, Value)}
        if clause.operator in ("!=", "NOT IN"):
            return lambda one: bool(one[1].get("labels")) and not wanted & set(one[1]["labels"])
        return lambda one: bool(wanted & set(one[1].get("labels", ())))

    def _projects(self, text: str) -> set[object]:
        wanted = text.lower()
        seen = [project for project in self._site.projects.values() if project.key not in self._closed]
        return {one.key for one in seen if wanted in (one.key.lower(), one.name.lower(), self._site.project_id(one.key))}

    def _statuses(self, text: str) -> set[object]:
        return {name for name, (status_id, _) in STATUSES.items() if text.lower() in (name.lower(), status_id)}

    def _users(self, text: str) -> set[object]:
        """By account id, e-mail address or full name."""
        wanted = text.lower()
        users = self._site.users.values()
        return {user.account_id for user in users if wanted in (user.account_id.lower(), user.email.lower(), user.name.lower())}

    def _keys(self, text: str) -> set[object]:
        key = self._site.key_of(text)
        return {key} if key and _project(key) not in self._closed else set()

    def _sorted(self, found: list[Found], query: Query) -> list[Found]:
        found.sort(key=lambda one: -one[1]["created"])
        for field, descending in reversed(query.order):
            name = _ALIASES.get(field.lower(), field.lower())
            if name not in _ORDERS:
                raise QueryError(f"Not able to sort using field '{field}'.")
            default = name in ("created", "updated", "priority")  # which Jira sorts from the latest and the most urgent
            found.sort(key=_ORDERS[name], reverse=default if descending is None else descending)
        return found


def _project(key: str) -> str:
    return key.rpartition("-")[0]


def _spoken(issue: Document) -> str:
    return "\n".join(comment["text"] for comment in issue.get("comments", ()))


_TEXTS: dict[str, Callable[[Document], str]] = {
    "summary": lambda issue: str(issue["summary"]),
    "description": lambda issue: str(issue["description"]),
    "comment": _spoken,
    "text": lambda issue: f"{issue['summary']}\n{issue['description']}\n{_spoken(issue)}",
}
_ORDERS: dict[str, Callable[[Found], tuple[object, ...]]] = {
    "key": lambda one: (_project(one[0]), int(one[0].rpartition("-")[2])),
    "project": lambda one: (_project(one[0]),),
    "created": lambda one: (one[1]["created"],),
    "updated": lambda one: (one[1]["updated"],),
    "summary": lambda one: (one[1]["summary"].lower(),),
    "status": lambda one: (list(STATUSES).index(one[1]["status"]),),
    "priority": lambda one: (_RANKS[one[1].get("priority", "Medium")],),
    "assignee": lambda one: (one[1].get("assignee") or "~",),
    "reporter": lambda one: (one[1].get("reporter") or "~",),
}


def _categories(text: str) -> set[object]:
    return {key for key, (_, title, _) in CATEGORIES.items() if text.lower() in (key, title.lower())}


def _of(*names: str) -> Callable[[str], set[object]]:
    return lambda text: {name for name in names if name.lower() == text.lower()}


def _check(clause: Clause, operators: Iterable[str]) -> None:
    if clause.operator not in operators:
        raise QueryError(f"The operator '{clause.operator.lower()}' is not supported by the '{clause.field}' field.")


def _negated(clause: Clause, test: Test) -> Test:
    """The test, or its contrary for ``!~`` and IS NOT."""
    return (lambda one: not test(one)) if clause.operator in ("!~", "IS NOT") else test
