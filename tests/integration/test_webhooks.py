"""Webhooks: signed, told of all that was committed, tried again under one id, and nobody's burden when nobody takes them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Profile, Settings
from agent_ops.runtime import webhooks
from agent_ops.storage import facts as storage_facts
from agent_ops.transport.webhooks import Webhook, WebhookConfig
from tests.fakes import FakeServices
from tests.receiver import SECRET, receiving

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(webhooks, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(webhooks, "_LOOK_EVERY_SECONDS", 0.02)


def telling(settings: Settings, config: WebhookConfig, fakes: FakeServices) -> AgentOps:
    return AgentOps(replace(settings, webhooks=config), adapters=fakes.adapters())


async def left(ops: AgentOps) -> int:
    """How many messages are still to be delivered, and how many receivers have events to be told of in further ones."""

    def count(tx: object) -> int:
        behind = "SELECT count(*) FROM webhook_cursors WHERE event_id < (SELECT coalesce(max(id), 0) FROM events)"
        sql = f"SELECT (SELECT count(*) FROM webhook_messages) + ({behind})"
        return int(tx.webhooks._db.execute(sql).fetchone()[0])  # type: ignore[attr-defined]

    return await ops._system.store.read(count)


@pytest.mark.usefixtures("soon")
async def test_a_receiver_hears_of_a_run_from_its_beginning_to_its_end(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    with receiving() as receiver:
        async with telling(settings, receiver.config, fakes) as ops:
            run = (await ops.onboard(ana)).run
            posts = await asyncio.to_thread(receiver.until, "run.done")
    kinds = Counter(told["type"] for _, told in posts)
    assert (kinds["run.queued"], kinds["run.done"], kinds["item.completed"]) == (1, 1, 6)
    assert len({message_id for message_id, _ in posts}) == len(posts)
    assert {told["data"]["run_id"] for _, told in posts} == {run.id}
    words = json.dumps(posts).casefold()
    assert not any(word in words for word in ("ana", "silva", "acme.example", "lisbon"))


@pytest.mark.usefixtures("soon")
async def test_what_was_not_taken_is_tried_again_under_the_same_id(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    """A redirect is no taking, and leads nowhere."""
    with receiving(500, 307, 429) as receiver:
        async with telling(settings, receiver.config, fakes) as ops:
            await ops.onboard(ana)
            posts = await asyncio.to_thread(receiver.until, "run.done")
            while await left(ops):
                await asyncio.sleep(0.02)
            posts = receiver.posts
    tries = Counter(message_id for message_id, _ in posts)
    assert sum(tries.values()) == len(tries) + 3
    assert len({(message_id, json.dumps(told, sort_keys=True)) for message_id, told in posts}) == len(tries)
    assert receiver.elsewhere == []


@pytest.mark.usefixtures("soon")
async def test_a_dead_receiver_harms_nobody_and_is_given_up(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    with receiving(*[503] * 1000) as dead, receiving() as alive:
        both = WebhookConfig((*dead.config.receivers, *alive.config.receivers))
        async with telling(settings, both, fakes) as ops:
            assert (await ops.onboard(ana)).run.status.value == "done"
            told = await asyncio.to_thread(alive.until, "run.done")
            while await left(ops):
                await asyncio.sleep(0.02)
    tries = Counter(message_id for message_id, _ in dead.posts)
    assert len(tries) == len({message_id for message_id, _ in told}) and set(tries.values()) == {1 + len(webhooks.PAUSES)}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("asked", ["\u00b2", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
async def test_no_answer_ends_what_a_receiver_is_told(settings: Settings, fakes: FakeServices, ana: Profile, asked: str) -> None:
    """A Retry-After that is no number, and no day of any calendar."""
    with receiving(429) as receiver:
        receiver.retry_after = asked
        async with telling(settings, receiver.config, fakes) as ops:
            await ops.onboard(ana)
            await asyncio.to_thread(receiver.until, "run.done")
            while await left(ops):
                await asyncio.sleep(0.02)
    tries = Counter(message_id for message_id, _ in receiver.posts)
    assert sum(tries.values()) == len(tries) + 1


async def test_a_new_receiver_hears_of_nothing_that_is_past(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        past = await ops.onboard(ana)
    with receiving() as receiver:
        async with telling(settings, receiver.config, fakes) as ops:
            now = (await ops.onboard(Profile("Rui Costa", "Engineering", external_id="E-2"))).run
            posts = await asyncio.to_thread(receiver.until, "run.done")
    assert {told["data"]["run_id"] for _, told in posts} == {now.id} != {past.run.id}


CHILD = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from agent_ops import AgentOps, Profile
from agent_ops.runtime import webhooks
from agent_ops.storage import facts as storage_facts
from tests.fakes import FakeServices
from tests.integration.test_webhooks import child_settings

webhooks._CLAIM_SECONDS = 0.1
if sys.argv[3] == "nothing sent":
    webhooks.WebhookDelivery.deliver_for_ever = asyncio.Event().wait

async def main():
    async with AgentOps(child_settings(Path(sys.argv[1]), sys.argv[2]), adapters=FakeServices().adapters()) as ops:
        await ops.onboard(Profile("Ana Silva", "Engineering", external_id="E-1"))
        print("done", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def child_settings(data_dir: Path, url: str) -> Settings:
    from agent_ops.domain.notices import Contacts
    from agent_ops.effectors.mail import MailConfig
    from agent_ops.transport.aws_session import AwsConfig
    from agent_ops.transport.graph_token import EntraConfig

    return Settings(
        entra=EntraConfig("tenant", "client", "secret"),
        aws=AwsConfig("eu-central-1", "/jenkins"),
        mail=MailConfig("mail.invalid", 25, "agent-ops@acme.example"),
        contacts=Contacts("first@acme.example", "second@acme.example"),
        data_dir=data_dir,
        webhooks=WebhookConfig((Webhook(url, (SECRET,)),)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("when", ["nothing sent", "no answer noted"])
async def test_a_killed_sender_is_made_up_for(tmp_path: Path, fakes: FakeServices, when: str) -> None:
    """Killed after the run's events were committed: before anything was sent, or before an answer was noted."""
    data_dir = tmp_path / "data"
    with receiving(*[0] * 1000) as receiver:
        command = [sys.executable, "-c", CHILD, str(data_dir), receiver.url, when]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:  # noqa: ASYNC220
            assert child.stdout is not None and await asyncio.to_thread(child.stdout.readline) == "done\n"
            if when == "no answer noted":
                await asyncio.to_thread(receiver.until, "run.queued")
            child.send_signal(signal.SIGKILL)
        before = {told["data"]["event_id"]: message_id for message_id, told in receiver.posts}
        assert bool(before) == (when == "no answer noted")
        receiver.answers.clear()
        receiver.let_go.set()
        receiver.posts.clear()
        settings = child_settings(data_dir, receiver.url)
        async with AgentOps(settings, adapters=fakes.adapters()) as ops:
            posts = await asyncio.to_thread(receiver.until, "run.done")
            while await left(ops):
                await asyncio.sleep(0.05)
            posts = receiver.posts
    after = {told["data"]["event_id"]: message_id for message_id, told in posts}
    assert {told["type"] for _, told in posts} == {"run.queued", "item.completed", "run.done"}
    assert before.items() <= after.items()


@pytest.mark.usefixtures("soon")
async def test_who_watches_sees_what_is_not_taken(
    settings: Settings, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How tries ended, how many messages wait, and since when; what nobody will be told any more does not wait."""
    monkeypatch.setattr(webhooks, "PAUSES", (0.0,))
    with receiving(500, *[204] * 3, *[500] * 2) as receiver:
        async with telling(settings, receiver.config, fakes) as ops:
            await ops.onboard(ana)
            posts = await asyncio.to_thread(receiver.until, "run.done")
            while await left(ops):
                await asyncio.sleep(0.02)
            posts, told = receiver.posts, await ops.facts()
            messages = len({message_id for message_id, _ in posts})
            assert sum(told.webhooks.values()) == len(posts)
            assert told.webhooks["failed"] + told.webhooks["given_up"] == 3
            assert told.webhooks["taken"] + told.webhooks["given_up"] == messages
            assert (told.webhooks_waiting, told.webhooks_oldest) == (0, 0.0)
    with receiving() as gone:
        gone.answers = [0] * 100  # it takes the connection and says nothing
        async with telling(settings, gone.config, fakes) as ops:
            await ops.onboard(Profile("Rui Costa", "Engineering", external_id="E-2"))
            await asyncio.to_thread(gone.until, "run.queued")
            told = await ops.facts()
            assert told.webhooks_waiting >= 1 and 0 < told.webhooks_oldest < 120
            monkeypatch.setattr(storage_facts, "MAX_AGE_SECONDS", told.webhooks_oldest / 1e6)
            assert (await ops.facts()).webhooks_waiting == 0
