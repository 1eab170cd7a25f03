"""Attaching to a sandbox, and starting one when none runs: what ``--sandbox`` and the library use."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from agent_ops.domain.errors import ServiceUnavailable, StorageReadOnly
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.policies import EXAMPLE
from agent_ops.sandbox.addresses import Addresses
from agent_ops.sandbox.aws.steering import AwsSteering
from agent_ops.sandbox.confluence.steering import ConfluenceSteering
from agent_ops.sandbox.faults import Fault
from agent_ops.sandbox.github.steering import GithubSteering
from agent_ops.sandbox.jira.steering import JiraSteering
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.steering import EntraSteering

_START_SECONDS = 60.0
_SERVE = "import sys; del sys.path[0]; from agent_ops.sandbox.__main__ import main; main()"  # never from the cwd
_PROXYLESS = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sandbox(EntraSteering, JiraSteering, ConfluenceSteering, AwsSteering, GithubSteering):
    """The loopback twins of every service, in a process of their own.

    ``async with Sandbox(directory)`` attaches to the sandbox of that directory, starting it first when it does not run;
    it ends by itself soon after the last process has left. What the twins recorded stays in the directory.

    Args:
        data_dir: the data directory; the sandbox lives in its subdirectory ``sandbox``.
        policy_file: the entitlement policy whose pipelines and groups exist in it.
    """

    def __init__(self, data_dir: Path | str = "agent-ops-data", policy_file: Path = EXAMPLE) -> None:
        self.data_dir = Path(data_dir).resolve()
        self.directory = self.data_dir / "sandbox"
        self.policy_file = policy_file
        self._attachment: socket.socket | None = None

    def start(self) -> Sandbox:
        """Attach, starting the server first when it does not run. Blocks for some seconds then.

        Raises:
            ServiceUnavailable: it does not start; the message names its log.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.addresses = self._ensure_running()
        except OSError as error:
            raise StorageReadOnly(f"the data directory {self.data_dir} cannot be used: {error.strerror}") from error
        host, port = self.addresses.control_url.removeprefix("http://").split(":")
        self._attachment = socket.create_connection((host, int(port)), timeout=10)
        headers = f"Host: {host}\r\nAuthorization: Bearer {self.addresses.control_token}"
        self._attachment.sendall(f"GET /attach HTTP/1.1\r\n{headers}\r\n\r\n".encode())
        self._attachment.recv(1)
        return self

    def stop(self) -> None:
        """Let go. The server ends when nobody holds on to it any more."""
        if self._attachment is not None:
            self._attachment.close()
            self._attachment = None

    def in_use(self) -> bool:
        """Whether a server has this sandbox now."""
        try:
            with (self.directory / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def __aenter__(self) -> Sandbox:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def fault(self, fault: Fault) -> None:
        """Tell a twin to fail."""
        await asyncio.to_thread(self._control, "POST", "/faults", fault.to_json())

    async def clear_faults(self) -> None:
        """Let every twin work again, without faults."""
        await asyncio.to_thread(self._control, "DELETE", "/faults")

    async def struck(self) -> list[dict[str, Any]]:
        """Every fault in force with the number of calls that it struck."""
        found: list[dict[str, Any]] = (await asyncio.to_thread(self._control, "GET", "/faults"))["faults"]
        return found

    async def pipeline_outcome(
        self,
        job: str,
        *,
        match: dict[str, str],
        result: str,
        console: tuple[str, ...] = (),
        paused_for_input: bool = False,
        instance: str = DEFAULT_INSTANCE,
    ) -> None:
        """Decide how builds of a job with these parameters end (SUCCESS, FAILURE, UNSTABLE, ABORTED, NOT_BUILT).

        With ``paused_for_input`` they stop at a pipeline's ``input`` step first, until somebody proceeds or aborts.
        """
        body = {"job": job, "match": match, "result": result, "console": console, "paused_for_input": paused_for_input}
        await self._tell_jenkins("outcomes", instance, body)

    async def pipeline_seconds(self, job: str, seconds: float, *, instance: str = DEFAULT_INSTANCE) -> None:
        """Decide how long builds of a job take."""
        await self._tell_jenkins("seconds", instance, {"job": job, "seconds": seconds})

    async def pipeline_hold(self, job: str, why: str, *, stuck: bool = False, instance: str = DEFAULT_INSTANCE) -> None:
        """Keep a job's items in the queue, for this reason in Jenkins's words; an empty one lets them go."""
        await self._tell_jenkins("hold", instance, {"job": job, "why": why, "stuck": stuck})

    async def jenkins_restart(
        self, *, seconds: float, instance: str = DEFAULT_INSTANCE, crash: bool = False, resume: bool = True
    ) -> None:
        """Restart a Jenkins, which is away from now on for so many seconds: half refused, half 'getting ready to work'.

        Pipelines go on and the queue stays, unless told otherwise.

        Args:
            crash: what entered the queue within the last minute is lost, and its ids are given out again.
            resume: False aborts pipelines, too.
        """
        await self._tell_jenkins("restart", instance, {"seconds": seconds, "crash": crash, "resume": resume})

    async def _tell_jenkins(self, what: str, instance: str, body: dict[str, Any]) -> None:
        await asyncio.to_thread(self._control, "POST", f"/jenkins/{what}", {**body, "instance": instance})

    async def mail_down(self, seconds: float | None = None) -> None:
        """Let the mail server be dead: it refuses connections, for some seconds or until :meth:`mail_up`."""
        await asyncio.to_thread(self._control, "POST", "/mail/down", {"seconds": seconds})

    async def mail_up(self) -> None:
        """Let the mail server listen again."""
        await asyncio.to_thread(self._control, "POST", "/mail/up", {})

    async def mail_limit(self, size: int) -> None:
        """Let the mail server refuse messages of more than ``size`` bytes."""
        await asyncio.to_thread(self._control, "POST", "/mail/limit", {"bytes": size})

    def mailbox(self, recipient: str | None = None) -> list[Path]:
        """The files (.eml) of the mails that the mail server took, in their order; of one recipient or of all."""
        kept = [call for call in self.effects("mail") if recipient in (None, call.detail["to"])]
        return [self.directory / "mailbox" / call.detail["file"] for call in kept]

    async def pipeline_disabled(self, job: str, disabled: bool = True, *, instance: str = DEFAULT_INSTANCE) -> None:
        """Disable a job, or enable it again."""
        await self._tell_jenkins("disabled", instance, {"job": job, "disabled": disabled})

    async def jenkins_quieting(self, quieting: bool = True, *, instance: str = DEFAULT_INSTANCE) -> None:
        """Prepare a Jenkins for a shutdown, or cancel that: while quieting it starts no builds."""
        await self._tell_jenkins("quieting", instance, {"quieting": quieting})

    def effects(self, twin: str | None = None) -> list[Call]:
        """Every change that the twins recorded: the judge's view. Works after the sandbox has ended, too."""
        records = Records(self.directory / "records.db")
        try:
            return list(records.calls(twin, effects_only=True))
        finally:
            records.close()

    def _ensure_running(self) -> Addresses:
        running = self._running()
        if running is not None:
            return running
        server = self._spawn()
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if (running := self._running()) is not None:
                return running
            pid, status = os.waitpid(server, os.WNOHANG) if server else (0, 0)
            if pid and status:
                break
            server = 0 if pid else server  # it left well: another server was quicker
            time.sleep(0.05)
        words = (self.directory / "sandbox.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ServiceUnavailable(
            "sandbox", f"did not start: {words[-1] if words else 'no answer'}", f"See {self.directory}/sandbox.log."
        )

    def _spawn(self) -> int:
        """Start the server in a session of its own. Its environment is empty: no profile, proxy or CA bundle leaks in."""
        log = str(self.directory / "sandbox.log")
        command = [sys.executable, "-c", _SERVE, str(self.directory), str(self.policy_file)]
        into_log = (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), into_log, (os.POSIX_SPAWN_DUP2, 1, 2)]
        return os.posix_spawn(sys.executable, command, {"PYTHONUTF8": "1"}, file_actions=actions, setsid=True)

    def _running(self) -> Addresses | None:
        addresses = Addresses.read(self.directory / "sandbox.json")
        if addresses is None:
            return None
        self.addresses = addresses
        try:
            self._control("GET", "/health")
        except (OSError, ValueError):
            return None
        return addresses

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own loopback server
            self.addresses.control_url + path,
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Bearer {self.addresses.control_token}", "Content-Type": "application/json"},
        )
        try:
            with _PROXYLESS.open(request, timeout=10) as answer:
                parsed: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            raise
        return parsed
