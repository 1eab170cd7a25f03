"""A real server in a child process, and keys for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agent_ops import Caller
from agent_ops.domain.grants import SCOPES
from agent_ops.runtime.api_keys import ApiKeyBook
from agent_ops.runtime.data_dir import open_store
from tests.service import impatient

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = tuple(SCOPES)
_START_SECONDS = 90
_SERVE = [sys.executable, "-W", "error", "-m", "agent_ops", "serve", "--sandbox", "--port", "0"]


def key_for(data_dir: Path, *scopes: str, name: str = "tester") -> str:
    """A key with these scopes, or with all."""

    async def work() -> str:
        async with open_store(data_dir) as (store, _):
            caller = Caller("os:root", frozenset(SCOPES))
            _, secret = await ApiKeyBook(store).create(caller, name, scopes or EVERYTHING, 1)
            return secret.take()

    return asyncio.run(work())


@dataclass(frozen=True)
class Service:
    """A server that runs. ``process`` is the one that was started: the only worker, or the one that watches over several."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """A client that comes in with a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60, **options)

    def workers(self) -> list[int]:
        """The processes that serve, of which there are several."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
        return sorted(pid for pid, line in lines.items() if b"resource_tracker" not in line)


@contextlib.contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[Service]:
    """`agent-ops serve --sandbox` on a free port, until the block ends."""
    with _running([*_SERVE, "--data-dir", str(data_dir), *options]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+?(?=;)", line)
        assert found, f"it did not start: {line}{process.stderr.read() if process.stderr else ''}"
        yield _ready(Service(found[0], data_dir, process))


@contextlib.contextmanager
def serving_by(program: Sequence[str], data_dir: Path, policy: Path) -> Iterator[Service]:
    """The same with little patience by uvicorn or gunicorn, whose command takes '{host}:{port}' in one word or two."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *(word.replace("{port}", str(port)) for word in program)]
    where = {impatient.DIRECTORY: str(data_dir), impatient.POLICY: str(policy)}
    with _running(command, **where) as process:
        yield _ready(Service(f"http://127.0.0.1:{port}", data_dir, process))


@contextlib.contextmanager
def _running(command: Sequence[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    clean = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1", **variables}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _ready(service: Service) -> Service:
    deadline = time.monotonic() + _START_SECONDS
    with service.client() as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if client.get("/readyz").status_code == 200:
                    return service
            time.sleep(0.1)  # a process starts; nothing tells when it listens
    raise AssertionError("the service does not get ready")


def ended(client: httpx.Client, run_id: str, seconds: float = 60) -> dict[str, Any]:
    """The run once it has ended: its events are read until the service says that there are no more."""
    with client.stream("GET", f"/api/runs/{run_id}/events", timeout=seconds) as lines:
        assert lines.status_code == 200, lines.read()
        for _ in lines.iter_lines():
            pass
    told: dict[str, Any] = client.get(f"/api/runs/{run_id}").json()
    return told


def messages(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Server-sent events as they are read; ``data`` is parsed."""
    message: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if not line and message:
            yield message
            message = {}
        elif name in ("id", "event", "data"):
            message[name] = json.loads(value) if name == "data" else value
