"""Checks of sentences about answers, statuses, grants and bytes on disk; `happened` has those about changes and mails."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent_ops import ItemStatus, RunStatus
from tests.threats.judge import Judge
from tests.threats.place import CANARY, statuses_of
from tests.threats.sentences import says

BIDI = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

# Answers, statuses, grants


@says(r"answer names the refused services")
def refused_are_named(judge: Judge) -> Iterator[str]:
    for report in judge.evidence.reports:
        asked = set(judge.evidence.case.body["access_items"])
        allowed = judge.policy.entitlements_of(report.employee.profile).allowed
        denied = {item.item for item in report.items if item.status is ItemStatus.DENIED and item.reason}
        yield from (f"{item} is not named" for item in asked - allowed - denied)
    if not judge.evidence.reports and not any(judge.evidence.answers):
        yield "there is no answer"


@says(r"either 409 or a new deterministic suffix; never a match to the old account")
def never_the_old_account(judge: Judge) -> Iterator[str]:
    conflict = any(409 in statuses_of(error) for error in judge.evidence.answers)
    for report in judge.evidence.reports:
        if report.employee.address in judge.evidence.before:
            yield f"matched to {report.employee.address}"
    if not conflict and not judge.created:
        yield "neither a conflict nor an account"


@says(r"GET /api/users/status_all returns the same rows as before", r"the users table is missing rows or columns")
def table_stands(judge: Judge) -> Iterator[str]:
    """Nobody was known before, so the table has its columns and no row."""
    with contextlib.closing(sqlite3.connect(judge.evidence.data_dir / "operations.db")) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(employees)")}
        rows = connection.execute("SELECT COUNT(*) FROM employees").fetchone()[0]
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if rows != len(judge.evidence.reports) or sound != "ok" or not {"id", "name_key", "profile", "request"} <= columns:
        yield f"{rows} rows, columns {sorted(columns)}, {sound}"


@says(r"status of (\w+) becomes (\w+)")
def item_stays(judge: Judge, item: str, status: str) -> Iterator[str]:
    for report in judge.evidence.reports:
        yield from (f"{i.item} is {i.status.value}" for i in report.items if (i.item, i.status.value) == (item, status))


@says(r"the stored recommendation widens the grant", r"a changed grant hash", r"a grant that the request did not ask for")
def grant_is_the_requests(judge: Judge) -> Iterator[str]:
    asked = set(judge.evidence.case.body.get("access_items", ()))
    for forms in judge.evidence.grants.values():
        if len(forms) != 1:
            yield f"{len(forms)} forms of one grant"
        body, _ = json.JSONDecoder().raw_decode(next(iter(forms)))
        items = {item for agent, action, item in body["effects"] if item in judge.policy.catalogue}
        yield from (f"granted {item}" for item in items - asked)
    if not judge.evidence.grants:
        yield "no grant was seen"


@says(r"a crash of the run")
def no_crash(judge: Judge) -> Iterator[str]:
    for report in judge.evidence.reports:
        if "internal error" in report.run.summary or report.run.status is not RunStatus.DONE:
            yield f"{report.run.status.value}: {report.run.summary}"
    if not judge.evidence.reports:
        yield "there is no report"


@says(r"any effect")
def no_effect(judge: Judge) -> Iterator[str]:
    yield from (f"{call.effect} {call.detail}" for call in judge.effects())


@says(r"a run on thread (\S+)")
def no_such_thread(judge: Judge, thread: str) -> Iterator[str]:
    for name, sql in (("operations.db", "SELECT id FROM runs"), ("checkpoints.db", "SELECT DISTINCT thread_id FROM checkpoints")):
        if (path := judge.evidence.data_dir / name).exists():
            with contextlib.closing(sqlite3.connect(path)) as connection:
                yield from (f"{name} has it" for row in connection.execute(sql) if row[0] == thread)


@says(r"rows of another (?:tenant|person)")
def no_rows_of_others(judge: Judge) -> Iterator[str]:
    known: Any = judge.evidence.notes["known"]
    secret = (known.employee.id, known.employee.address, known.run.id)
    for text in judge.evidence.texts:
        yield from (f"the answer has {one}" for one in secret if one in text)


@says(r"a SQL error text in the answer")
def no_sql(judge: Judge) -> Iterator[str]:
    for text in judge.evidence.texts:
        yield from (text for _ in [0] if re.search(r"(?i)sqlite|syntax error|near \"|no such (table|column)", text))


# Bytes


@says(r"a raw CR/LF in any log line", r"a log line that is no JSON object")
def log_lines_are_whole(judge: Judge) -> Iterator[str]:
    for path in judge.evidence.data_dir.glob("*.log*"):
        for line in path.read_bytes().split(b"\n"):
            if line and not (line.startswith(b"{") and line.endswith(b"}") and b"\r" not in line):
                yield f"{path.name}: {line[:80]!r}"


@says(r"an account or log line with a bidi control character", r"a bidi or zero-width character anywhere")
def no_bidi(judge: Judge) -> Iterator[str]:
    yield from (a for a, person in judge.evidence.after.items() if BIDI.search(a + person["displayName"]))
    for path in judge.evidence.data_dir.glob("*.log*"):
        text = path.read_text(encoding="utf-8")
        yield from (f"{path.name}" for _ in [0] if BIDI.search(text))
    yield from ("an answer" for text in judge.evidence.texts if BIDI.search(text) and not text.startswith("{"))


@says(r"a file outside the data dir is written or read", r"a file outside the data dir")
def only_own_files(judge: Judge) -> Iterator[str]:
    named = [
        part for part in re.findall(r"[\w./-]*(?:etc|passwd|cron|shadow)[\w./-]*", judge.evidence.case.planted) if "/" in part
    ]
    place = judge.evidence.data_dir.parent
    for path, writing in judge.evidence.opened:
        asked_for = any(path.endswith(part.lstrip("./")) for part in named)
        outside = writing and not Path(path).resolve().is_relative_to(place) and not _everybodys(path)
        if asked_for or outside:
            yield f"{'wrote' if writing else 'read'} {path}"


def _everybodys(path: str) -> bool:
    """What Python itself writes: its bytecode, and nothing."""
    return path == "/dev/null" or ".pyc" in path or "__pycache__" in path


@says(r"content of a file outside the log dir", r"content of a file that was not asked for")
def no_foreign_content(judge: Judge) -> Iterator[str]:
    yield from only_own_files(judge)
    for text in judge.evidence.texts:
        yield from (text[:80] for _ in [0] if re.search(r"root:.?:0:0", text))


@says(r"(\S+) exists")
def no_file(judge: Judge, name: str) -> Iterator[str]:
    for where in (Path.cwd(), judge.evidence.data_dir, judge.evidence.data_dir.parent):
        yield from (str(where / name) for _ in [0] if (where / name).exists())


@says(r"the byte strings (\S+) or (\S+) anywhere but the sealed hand-over channel", r"the bytes (\S+) on disk or in an answer")
def bytes_are_nowhere(judge: Judge, *strings: str) -> Iterator[str]:
    for path, content in judge.evidence.written():
        yield from (f"{path.name} has {one}" for one in strings if one.encode() in content)
    for text in (*judge.evidence.texts, *(raw.decode(errors="replace") for raw in judge.evidence.mails)):
        yield from (f"said: {one}" for one in strings if one in text)


@says(r"the run ends failed; LANGGRAPH_STRICT_MSGPACK or an explicit allow-list is on in the shipped default")
def fails_closed(judge: Judge) -> Iterator[str]:
    for report in judge.evidence.reports:
        if report.run.status is not RunStatus.FAILED:
            yield f"the run is {report.run.status.value}: {report.run.summary}"
    if not judge.evidence.reports or not judge.evidence.notes.get("allow-list"):
        yield f"{len(judge.evidence.reports)} reports, allow-list {judge.evidence.notes.get('allow-list')}"


@says(r"a run left unfinished (\d+) s after restart")
def finished_in_time(judge: Judge, seconds: str) -> Iterator[str]:
    for name, took in judge.evidence.notes["recovered"].items():
        yield from (f"{name} took {took} s" for _ in [0] if took is None or took > float(seconds))


@says(r"an escape sequence (?:on|in) (?:the )?(?:screen|terminal)")
def no_escapes(judge: Judge) -> Iterator[str]:
    yield from (text[:80] for text in judge.evidence.texts if "\x1b" in text or "\x07" in text or "\x9b" in text)


@says(r"status_all still answers in < (\d+) s")
def answers_in_time(judge: Judge, seconds: str) -> Iterator[str]:
    took = judge.evidence.notes["answered in"]
    yield from (f"after {took:.1f} s" for _ in [0] if took >= float(seconds))


@says(r"no request is lost without a status")
def none_is_lost(judge: Judge) -> Iterator[str]:
    yield from (f"{run} was answered and has no status" for run in judge.evidence.notes["lost"])


@says(r"more creates per hour than the configured cap")
def within_the_cap(judge: Judge) -> Iterator[str]:
    cap = judge.evidence.notes["cap"]
    yield from (f"{len(judge.created)} accounts, {cap} are allowed" for _ in [0] if len(judge.created) != cap)


@says(r"a 200 page")
def no_page(judge: Judge) -> Iterator[str]:
    yield from ("a page was shown" for refused in judge.evidence.answers if refused is None)


@says(r"config_schema reveals a secret or model key")
def schemas_say_no_secret(judge: Judge) -> Iterator[str]:
    told = judge.evidence.notes["schemas"]
    yield from (f"a schema says {text[:80]!r}" for text in told if CANARY in text or "api_key" in text.lower())
    if not told:
        yield "no schema was told to anybody"
