"""The judge: what is lost, repeated or nobody's is seen in the services' records."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from proofs.dispatch import Drive, overlaps
from proofs.judge import Account, Files, accounts, compare

from agent_ops.domain.effects import Action, effect_key
from agent_ops.sandbox.records import Call

ANA, BEN = "Ana Silva", "Ben Ito"
EFFECTS = [
    ["entra", "entra.create_account", "account"],
    ["jenkins", "jenkins.run_pipeline", "aws"],
    ["notify", "mail.send", "access"],
]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """Two employees with the same grant."""
    database = sqlite3.connect(tmp_path / "operations.db")
    database.executescript(
        "CREATE TABLE employees (id, profile, status, address, entra_id); CREATE TABLE runs (id, employee_id, status);"
        "CREATE TABLE grants (run_id, body); CREATE TABLE items (employee_id, item, status);"
        "CREATE TABLE effects (employee_id, action, item, state, owner); CREATE TABLE events (id);"
    )
    for name in (ANA, BEN):
        database.execute("INSERT INTO employees VALUES (?, ?, 'onboarded', NULL, NULL)", (name, json.dumps({"name": name})))
        database.execute("INSERT INTO runs VALUES (?, ?, 'done')", (name, name))
        database.execute("INSERT INTO grants VALUES (?, ?)", (name, json.dumps({"effects": EFFECTS})))
        database.execute("INSERT INTO items VALUES (?, 'aws', 'completed')", (name,))
    database.commit()
    yield Files(tmp_path)
    database.close()


def traces(name: str, address: str) -> list[Call]:
    marker = f"{effect_key(name, Action.RUN_PIPELINE, 'aws')}.1"
    letter = f"<{effect_key(name, Action.SEND_MAIL, 'access')}.1@agent-ops.acme.example>"
    build = {"job": "p/aws", "queue_id": 7, "parameters": {"USER_EMAIL": address, "REQUEST": marker}}
    return [
        Call("entra", "POST", "/v1.0/users", 201, "entra.create", {"upn": address, "id": f"id-{name}", "display_name": name}),
        Call("jenkins", "POST", "/b", 201, "jenkins.build", build),
        Call("mail", "DATA", "x", 250, "mail", {"to": "x", "subject": f"Access for {name}", "message_id": letter}),
    ]


def test_two_hires_of_one_kind_leave_equal_traces(files: Files) -> None:
    found, strays = accounts(files, [*traces(ANA, "ana@x"), *traces(BEN, "ben.ito2@x")])
    assert strays == []
    assert found[ANA] == found[BEN]
    assert found[ANA].outside.total() == 3
    assert compare(BEN, found[BEN], found[ANA]).good


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_what_is_missing_is_lost(files: Files, missing: int) -> None:
    calls = traces(BEN, "ben@x")
    if missing:
        del calls[missing]
    else:
        calls = []
    found, _ = accounts(files, [*traces(ANA, "ana@x"), *calls])
    assert len(compare(BEN, found[BEN], found[ANA]).lost) == (1 if missing else 3)


def test_a_second_account_under_another_address_is_a_duplicate(files: Files) -> None:
    again = replace(traces(BEN, "")[0], detail={"upn": "ben2@x", "id": "another", "display_name": BEN})
    found, _ = accounts(files, [*traces(ANA, "ana@x"), *traces(BEN, "ben@x"), again])
    verdict = compare(BEN, found[BEN], found[ANA])
    assert (len(verdict.duplicates), verdict.lost) == (1, [])


@pytest.mark.parametrize("attempt", ["1", "2"])
def test_a_second_build_is_a_duplicate_under_the_same_marker_and_under_another(files: Files, attempt: str) -> None:
    build = traces(BEN, "ben@x")[1]
    marker = build.detail["parameters"]["REQUEST"][:-1] + attempt
    again = replace(build, detail={**build.detail, "queue_id": 8, "parameters": {"USER_EMAIL": "ben@x", "REQUEST": marker}})
    found, _ = accounts(files, [*traces(ANA, "ana@x"), *traces(BEN, "ben@x"), again])
    assert len(compare(BEN, found[BEN], found[ANA]).duplicates) == 1


def test_a_mail_may_come_again_under_its_message_id_and_under_no_other(files: Files) -> None:
    letter = traces(BEN, "ben@x")[2]
    other = replace(letter, detail={**letter.detail, "message_id": letter.detail["message_id"].replace(".1@", ".2@")})
    found, _ = accounts(files, [*traces(ANA, "ana@x"), *traces(BEN, "ben@x"), letter, letter, other])
    verdict = compare(BEN, found[BEN], found[ANA])
    assert (verdict.repeated_mails, len(verdict.duplicates)) == (2, 1)


@pytest.mark.parametrize(("method", "repeated", "duplicates"), [("PATCH", 1, 0), ("PUT", 1, 0), ("POST", 0, 1)])
def test_the_same_setting_again_is_no_duplicate_the_same_post_is(
    files: Files, method: str, repeated: int, duplicates: int
) -> None:
    def update(name: str) -> Call:
        return Call("entra", method, "/u", 204, "entra.update", {"id": f"id-{name}", "properties": ["jobTitle"]})

    calls = [*traces(ANA, "ana@x"), update(ANA), *traces(BEN, "ben@x"), update(BEN), update(BEN)]
    found, _ = accounts(files, calls)
    verdict = compare(BEN, found[BEN], found[ANA])
    assert (verdict.repeated_settings, len(verdict.duplicates)) == (repeated, duplicates)


def test_an_account_that_was_linked_is_known_by_its_id(files: Files, tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "operations.db")
    database.execute("UPDATE employees SET address = 'ana@x', entra_id = 'linked' WHERE id = ?", (ANA,))
    database.commit()
    database.close()
    marked = Call("entra", "PATCH", "/u", 204, "entra.update", {"id": "linked", "properties": ["marker"]})
    found, strays = accounts(files, [marked])
    assert (found[ANA].outside.total(), strays) == (1, [])


def test_a_change_that_is_nobodys_is_seen(files: Files) -> None:
    foreign = Call("jenkins", "POST", "/b", 201, "jenkins.build", {"job": "p/aws", "parameters": {"USER_EMAIL": "eve@x"}})
    _, strays = accounts(files, [*traces(ANA, "ana@x"), foreign])
    assert len(strays) == 1


def test_a_status_that_differs_is_wrong() -> None:
    good = Account(Counter({("mail",): 1}), {"run": "done", "item aws": "completed"})
    assert compare("x", Account(Counter({("mail",): 1}), {"run": "running", "item aws": "completed"}), good).wrong
    assert compare("x", Account(Counter({("mail",): 1}), {"run": "done"}), good).wrong
    assert compare("x", good, good).good


def test_a_lost_event_leaves_a_gap(tmp_path: Path, files: Files) -> None:
    database = sqlite3.connect(tmp_path / "operations.db")
    database.executemany("INSERT INTO events VALUES (?)", [(1,), (2,)])
    database.commit()
    assert files.event_gaps() == []
    database.execute("INSERT INTO events VALUES (4)")
    database.commit()
    database.close()
    assert files.event_gaps() != []


def test_two_drivers_at_once_are_seen() -> None:
    first, later = Drive("r", 1, 0.0, 5.0), Drive("r", 2, 5.1, 6.0)
    assert list(overlaps([first, later])) == []
    assert len(list(overlaps([first, replace(later, begin=4.9)]))) == 1
