"""The directory twin answers a filter from its index as it would by walking through everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_ops.sandbox.entra.directory import Shelf
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.odata_filter import parse_filter
from agent_ops.sandbox.entra.odata_query import Options
from agent_ops.sandbox.entra.pages import page_of_shelf
from agent_ops.sandbox.entra.schema import USER
from agent_ops.sandbox.left_behind import LeftBehind
from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.world import OutcomeSeed

VALUES = ("ana", "ANA", "ben", "zoe")
CLAUSES = st.one_of(
    st.builds(
        "{} eq '{}'".format, st.sampled_from(["displayName", "mail", "mailNickname", "department"]), st.sampled_from(VALUES)
    ),
    st.builds("displayName in ('{}', '{}')".format, st.sampled_from(VALUES), st.sampled_from(VALUES)),
    st.builds("proxyAddresses/any(p:p eq '{}')".format, st.sampled_from(VALUES)),
    st.builds("startswith(displayName,'{}')".format, st.sampled_from("ab")),
)
FILTERS = st.recursive(
    CLAUSES, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=5
)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"displayName": st.sampled_from(VALUES)},
        optional={
            **{name: st.sampled_from(VALUES) for name in ("mail", "mailNickname", "department")},
            "proxyAddresses": st.lists(st.sampled_from(VALUES), max_size=2),
        },
    ),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(people=PEOPLE, text=FILTERS)
def test_the_index_leaves_out_nobody(tmp_path: Path, people: list[Document], text: str) -> None:
    entries = [Entry(f"{number}", {"id": f"{number}", **one}) for number, one in enumerate(people)]
    records = Records(tmp_path / "records.db")
    shelf, wanted = Shelf(records, "user", USER, entries), parse_filter(text, USER, advanced=True)
    page = page_of_shelf(shelf, Options((), wanted, None, "", False, 100, False, None), lambda _: True)
    assert [entry.id for entry in page.entries] == [entry.id for entry in entries if wanted.test(entry)]
    records.close()


def build(number: int, result: str = "SUCCESS", ends: float | None = 1.0, job: str = "p/aws") -> tuple[str, Document]:
    body = {"job": job, "number": number, "result": result, "ends": ends, "parameters": {"WHO": f"w{number}"}}
    return f"{job}#{number:09}", body


@pytest.fixture
def jenkins(tmp_path: Path) -> Records:
    return Records(tmp_path / "records.db")


def test_each_build_leaves_what_it_should_once_whenever_it_ends(jenkins: Records) -> None:
    left: list[str] = []
    behind = LeftBehind([OutcomeSeed("aws_tag", "p/aws", "WHO", "t")], jenkins, lambda _, who: left.append(who))

    def settled(*builds: tuple[str, Document]) -> list[str]:
        for build_id, body in builds:
            jenkins.put("jenkins", "build", build_id, body)
        left.clear()
        behind.settle()
        return list(left)

    assert settled(build(1), build(2, "FAILURE"), build(3, ends=None), build(4, ends=9e12), build(1, job="p/awsome")) == ["w1"]
    assert settled(build(5)) == ["w5"]
    assert settled(build(3)) == ["w3"]
    assert settled(build(4), build(6)) == ["w4", "w6"]
    assert settled() == []
    for number in range(1, 7):
        jenkins.delete("jenkins", "build", build(number)[0])
    assert settled(build(2)) == ["w2"], "a job that was made anew counts from the beginning"
    jenkins.close()
