"""What a run leaves no more is there where it is needed: in older databases and in mails that are not taken yet."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent_ops import Profile
from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.domain.runs import LifecycleEvent, Request
from agent_ops.runtime.data_dir import DATABASE
from agent_ops.storage import Store
from agent_ops.storage.migrations import migrations

MAIL = {"recipient": "desk@acme.example", "subject": "s", "body": "text", "html": "<p>text</p>", "message_id": "<m@acme.example>"}


def a_mail(key: str) -> Intent:
    proposal, now = Proposal("notify", Action.SEND_MAIL, "access"), datetime.now(timezone.utc)
    return Intent(key, "r", "e", proposal, 1, MAIL, now, owner="me", lands_by=now - timedelta(seconds=1))


async def test_an_older_database_keeps_its_mails_and_its_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(migrations._migrations)
    monkeypatch.setattr(migrations, "_migrations", [one for one in every if one.name != "less_is_left"])
    store = await Store(tmp_path / DATABASE, b"audit").open()
    for person in ("e", "gone"):
        request = Request(Profile(f"Ana {person}", "Sales"))
        await store.transaction(lambda tx, person=person, request=request: tx.people.insert(person, request))
        await store.transaction(lambda tx, person=person: tx.runs.insert(f"r-{person}", person, LifecycleEvent.JOINER, None))
    await store.close()
    old = sqlite3.connect(tmp_path / DATABASE)
    whole = '{"body":"text","html":"<p>text</p>","message_id":"<m@acme.example>","recipient":"desk@acme.example","subject":"s"}'
    effect = "INSERT INTO effects (key, run_id, employee_id, agent, action, item, attempt, state, pinned, owner, opened_at)"
    for state in ("open", "unknown", "succeeded"):
        at = "2026-01-01T00:00:00.000+00:00"
        old.execute(
            f"{effect} VALUES (?, 'r-e', 'e', 'notify', 'mail.send', ?, 1, ?, ?, 'me', ?)", (state, state, state, whole, at)
        )
    event = "INSERT INTO events (run_id, employee_id, at, kind, message, agent, item, status)"
    for number in range(3):
        old.execute(f"{event} VALUES ('r-e', 'e', '2026-01-01T00:00:00.000+00:00', 'run', ?, '', '', '')", (str(number),))
    old.execute("DELETE FROM events WHERE id = 3")
    old.commit()
    old.close()
    monkeypatch.setattr(migrations, "_migrations", every)
    store = await Store(tmp_path / DATABASE, b"audit").open()
    mails = {key: await store.read(lambda tx, key=key: tx.effects.get(key)) for key in ("open", "unknown", "succeeded")}
    words = {key: mail and mail.pinned.get("html") for key, mail in mails.items()}
    assert words == {"open": "<p>text</p>", "unknown": "<p>text</p>", "succeeded": None}
    await store.transaction(lambda tx: tx.logs.event("r-e", "run", "new"))
    await store.transaction(lambda tx: tx.erasures.erase("gone"))
    await store.transaction(lambda tx: tx.logs.event("r-gone", "run", "nobody may read this"))
    events = await store.read(lambda tx: tx.logs.events(None))
    assert [(event.id, event.employee_id, event.message) for event in events] == [(1, "e", "0"), (2, "e", "1"), (4, "e", "new")]
    await store.close()


@pytest.mark.parametrize("state", [EffectState.FAILED, EffectState.UNKNOWN, EffectState.SUCCEEDED])
async def test_a_mail_is_whole_until_it_is_taken(tmp_path: Path, state: EffectState) -> None:
    store = await Store(tmp_path / DATABASE, b"audit").open()
    await store.transaction(lambda tx: tx.effects.open(a_mail("k")))
    assert (await store.read(lambda tx: tx.effects.mails_due(datetime.now().timestamp())))[0].pinned == MAIL
    await store.transaction(lambda tx: tx.effects.settle(a_mail("k"), state))
    kept = await store.read(lambda tx: tx.effects.get("k"))
    assert kept is not None
    assert kept.pinned == (MAIL if state is not EffectState.SUCCEEDED else {n: v for n, v in MAIL.items() if n != "html"})
    again = replace(a_mail("k"), attempt=2, pinned={**MAIL, "html": "<p>other</p>"})
    if state is EffectState.FAILED:
        await store.transaction(lambda tx: tx.effects.open(again))
        opened = await store.read(lambda tx: tx.effects.get("k"))
        assert opened is not None
        assert (opened.attempt, opened.pinned) == (2, again.pinned)
    await store.close()


async def test_a_mails_html_goes_with_whom_it_tells_of(tmp_path: Path) -> None:
    store = await Store(tmp_path / DATABASE, b"audit").open()
    await store.transaction(lambda tx: tx.people.insert("e", Request(Profile("Ana Silva", "Sales"))))
    await store.transaction(lambda tx: tx.effects.open(a_mail("k")))
    await store.transaction(lambda tx: tx.erasures.erase("e"))
    kept = await store.read(lambda tx: tx.effects.get("k"))
    assert kept is not None
    assert kept.pinned == {}
    await store.close()
