"""Several workers on one database: one is killed in the middle of everything, none of the work is lost or done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from agent_ops import Sandbox
from agent_ops.policies import EXAMPLE
from tests.service.served import Service, ended, key_for, serving_by

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HIRES = 40
KILL_AT = 15
LIMITS = "\n[limits]\naccounts_per_hour = 5000\naccounts_per_hour_per_caller = 5000\nburst_requests = 10000\n"


def onboard(client: httpx.Client, number: int) -> str:
    """A hire, asked for again for as long as no answer comes: a killed worker cuts connections."""
    body = {
        "name": f"Wanda Worker{number}",
        "team": "Engineering",
        "external_id": f"W-{number}",
        "access_items": ["github", "aws"],
    }
    for _ in range(20):
        try:
            answer = client.post("/api/users/onboard_user", json=body)
        except httpx.TransportError:
            continue
        if answer.status_code != 503:
            assert answer.status_code == 202, answer.text
            return str(answer.json()["run_id"])
    raise AssertionError(f"{body['name']} was never taken on")


@contextlib.contextmanager
def attached(directory: Path, policy: Path) -> Iterator[Sandbox]:
    box = Sandbox(directory, policy).start()
    try:
        yield box
    finally:
        box.stop()


def kill_one(service: Service) -> int:
    victim = service.workers()[0]
    os.kill(victim, signal.SIGKILL)
    return victim


BY_UVICORN = ("uvicorn", "tests.service.impatient:create_app", "--factory", "--workers", "4", "--port", "{port}")
BY_GUNICORN = (
    *("gunicorn", "tests.service.impatient:create_app()", "--workers", "2", "--bind", "127.0.0.1:{port}"),
    *("--worker-class", "uvicorn_worker.UvicornWorker"),
)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The example's, with limits that these tests do not reach."""
    file = tmp_path / "policy.toml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8") + LIMITS, encoding="utf-8")
    return file


def test_gunicorn_serves_it_too(tmp_path: Path, policy: Path) -> None:
    with (
        attached(tmp_path, policy),
        serving_by(BY_GUNICORN, tmp_path, policy) as service,
        service.client(key_for(tmp_path)) as client,
    ):
        assert ended(client, onboard(client, 1))["status"] == "done"


def test_a_killed_worker_loses_nothing_and_repeats_nothing(tmp_path: Path, policy: Path) -> None:
    """What the killed one was about is left alone until its calls can land no more, which takes a minute."""
    with attached(tmp_path, policy) as box, serving_by(BY_UVICORN, tmp_path, policy) as service:
        assert len(service.workers()) == 4
        accepted, victims = threading.Semaphore(0), []
        with service.client(key_for(tmp_path)) as client, ThreadPoolExecutor(10) as pool:

            def posted(number: int) -> str:
                run = onboard(client, number)
                accepted.release()
                return run

            asked = [pool.submit(posted, number) for number in range(HIRES)]
            for _ in range(KILL_AT):
                accepted.acquire()
            victims.append(kill_one(service))
            runs = {number: one.result() for number, one in enumerate(asked)}
        with service.client(key_for(tmp_path)) as client:
            assert len(set(runs.values())) == HIRES
            for run in runs.values():
                assert ended(client, run)["status"] == "done"
            users = client.get("/api/users/status_all").json()
            assert len(users) == HIRES
            assert Counter(user["status"] for user in users) == {"onboarded": HIRES}
            assert victims[0] not in service.workers()
        effects = box.effects()
    created = Counter(call.detail["upn"] for call in effects if call.effect == "entra.create")
    built = Counter((c.detail["job"], c.detail["parameters"]["USER_EMAIL"]) for c in effects if c.effect == "jenkins.build")
    mails = Counter(Path(call.detail["file"]).name for call in effects if call.effect == "mail")
    assert (len(created), set(created.values())) == (HIRES, {1})
    assert (len(built), set(built.values())) == (2 * HIRES, {1})
    assert len(mails) >= 2 * HIRES
