"""What a policy may say of callers and limits, and the arithmetic of both."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops import EntitlementPolicy, read_policy
from agent_ops.cli.operator import operator, user_name
from agent_ops.domain.errors import NotPermitted, PolicyError
from agent_ops.domain.grants import SCOPES, Caller, callers_from_table
from agent_ops.domain.limits import HOUR, Limits, room_at
from agent_ops.policies import EXAMPLE


def policy_with(tmp_path: Path, more: str) -> EntitlementPolicy:
    file = tmp_path / "policy.toml"
    file.write_text(f"{EXAMPLE.read_text(encoding='utf-8')}\n{more}\n", encoding="utf-8")
    return read_policy(file)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([], "must be a table"),
        ({"accounts_per_day": 3}, "unknown keys: accounts_per_day"),
        ({"accounts_per_hour": 0}, "accounts_per_hour must be more than 0"),
        ({"accounts_per_hour": -1}, "more than 0"),
        ({"accounts_per_hour": 1.5}, "whole number"),
        ({"accounts_per_hour": True}, "whole number"),
        ({"burst_seconds": "60"}, "must be a number"),
        ({"directory_share": 1.1}, "at most 1"),
        ({"directory_share": float("nan")}, "directory_share"),
        ({"burst_seconds": float("inf")}, "burst_seconds"),
        ({"planner_rounds": 21}, "at most 20"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_by_its_key(table: Any, words: str) -> None:
    with pytest.raises(PolicyError, match=rf"\[limits\].*{words}"):
        Limits.from_table(table)


def test_limits_that_are_not_named_are_the_defaults() -> None:
    assert Limits.from_table({"accounts_per_hour": 7, "burst_seconds": 5}) == Limits(accounts_per_hour=7, burst_seconds=5)


@pytest.mark.parametrize(("size", "known", "limit"), [(0, 0, 10), (0, 49, 10), (0, 100, 20), (1000, 100, 200), (1000, 2000, 400)])
def test_a_share_of_the_directory_never_less_than_the_floor(size: int, known: int, limit: int) -> None:
    assert Limits(directory_floor=10, directory_size=size).directory_limit(known) == limit


@given(st.lists(st.integers(0, int(HOUR)), max_size=30), st.integers(1, 8), st.integers(0, 30))
def test_who_waits_is_told_a_moment_at_which_there_is_room(moments: list[int], cap: int, ahead: int) -> None:
    """Also when those ahead come at theirs: at no such moment the hour before it has more than the cap."""
    taken = sorted(moments)
    at = room_at(taken, cap, ahead)
    if at is None:
        assert len(taken) < cap
        return
    before = [told for n in range(ahead) if (told := room_at(taken, cap, n)) is not None]
    within = [moment for moment in (*taken, *before, at) if at - HOUR < moment <= at]
    assert len(within) <= cap
    assert at <= max(taken) + HOUR * (1 + ahead // cap)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([], "must be a table"),
        ({"al ice": ["onboard"]}, "no name"),
        ({"api:key": ["onboard"]}, "no name"),
        ({"": ["onboard"]}, "no name"),
        ({"alice": "onboard"}, "alice must be a list"),
        ({"alice": [7]}, "alice must be a list"),
        ({"alice": ["onboard", "root"]}, r"alice has unknown scopes: root \(known: admin, delete, .*status, .*update\)"),
    ],
)
def test_a_caller_whose_line_is_wrong_is_named(table: Any, words: str) -> None:
    with pytest.raises(PolicyError, match=rf"\[callers\] .*{words}"):
        callers_from_table(table)


def test_a_missing_scope_is_named_with_how_to_get_it() -> None:
    with pytest.raises(NotPermitted, match=r"eve lacks the scope 'link'.*\[callers\].*docs/policy.md"):
        Caller("eve", frozenset({"onboard"})).require("onboard", "link")


def test_callers_and_limits_do_not_change_the_version_of_a_policy(tmp_path: Path, policy: EntitlementPolicy) -> None:
    more = policy_with(tmp_path, '[callers]\nalice = ["admin"]\n[limits]\naccounts_per_hour = 1')
    assert more.version == policy.version
    assert more.limits.accounts_per_hour == 1
    assert more.callers == {"alice": frozenset({"admin"})}
    assert policy.callers is None


def test_without_a_table_the_owner_of_the_data_directory_may_do_everything(tmp_path: Path, policy: EntitlementPolicy) -> None:
    assert operator(policy, tmp_path).scopes == operator(policy, tmp_path / "new").scopes == frozenset(SCOPES)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_without_a_table_not_even_root_may_work_in_anothers_directory(tmp_path: Path, policy: EntitlementPolicy) -> None:
    os.chown(tmp_path, 4711, -1)
    assert operator(policy, tmp_path).scopes == {"status"}


def test_with_a_table_who_is_not_named_may_nothing(tmp_path: Path) -> None:
    named = policy_with(tmp_path, f'[callers]\n"{user_name()}" = ["status"]')
    others = policy_with(tmp_path, '[callers]\n"somebody.else" = ["admin"]')
    assert operator(named, tmp_path) == Caller(f"os:{user_name()}", frozenset({"status"}))
    assert operator(others, tmp_path).scopes == frozenset()


def test_no_variable_says_who_gives_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    before = user_name()
    for variable in ("USER", "LOGNAME", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, "somebody.else")
    assert user_name() == before != "somebody.else"
