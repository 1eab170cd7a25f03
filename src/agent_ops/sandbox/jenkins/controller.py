"""The state of the Jenkins controller: what was asked for, what waits, what runs and what has ended.

No task runs in the background. Each look at the state first lets happen what is due by the clock: items leave the queue when
their quiet period is over, and a build has ended when its time has come. Everything is stored at once, so that a new
controller on the same records goes on.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import secrets
import time
from collections import deque
from dataclasses import asdict
from typing import Any

from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.sandbox.jenkins.model import Build, Folder, Item, Job, Outcome
from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.world import JobSeed, World

LEFT_ITEM_SECONDS = 300.0  # hudson.model.Queue keeps left items in a cache for five minutes
UNSAVED_SECONDS = 60.0  # hudson.model.Queue.Saver writes queue.xml that long after a change, and when Jenkins stops well

_JOB_STATE = ("seconds", "disabled", "freestyle", "held", "stuck", "denied", "next_number")


class Controller:
    """Jobs, queue and builds. Jobs and executors are not scarce: what is due starts."""

    def __init__(self, world: World, records: Records, instance: str = DEFAULT_INSTANCE) -> None:
        self.twin = "jenkins" if instance == DEFAULT_INSTANCE else f"jenkins-{instance}"
        self._records = records
        self.user = world.jenkins_user
        self.left_item_seconds = LEFT_ITEM_SECONDS
        self.unsaved_seconds = UNSAVED_SECONDS
        self.root = Folder("")
        self.jobs: dict[str, Job] = {}
        self.items: dict[int, Item] = {}
        self.quiet_period = 0.0
        self.quieting = False
        self.salt = secrets.token_hex(32)
        self.session = secrets.token_hex(4)
        self._next_id = 1
        self._due: list[tuple[float, int]] = []
        self._held: list[tuple[float, int]] = []
        self._waiting: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._left: deque[int] = deque()
        self._outcomes: dict[str, list[Outcome]] = {}
        self._resumed = time.time()
        for seed in world.jobs:
            if seed.instance == instance:
                self._plant(seed)
        self._load()

    @property
    def identity(self) -> str:
        """Stands for the public key by which a controller can be told from others."""
        return base64.b64encode(hashlib.sha512(f"identity {self.salt}".encode()).digest()).decode()

    # What a client does

    def enqueue(self, job: Job, parameters: dict[str, str], delay: float | None) -> tuple[Item, bool]:
        """Put a build of the job into the queue; an equal item that still waits is used instead (then the second is False)."""
        now = self.advance()
        due = now + (self.quiet_period if delay is None else delay)
        item = Item(self._next_id, job.path, parameters, now, due)
        waiting = self._waiting.get(item.key)
        if waiting is not None:
            return self._merge(self.items[waiting], due), False
        self._next_id += 1
        self._await(item)
        self._keep_item(item)
        self._keep_settings()
        self.advance()
        return item, True

    def cancel(self, item: Item) -> bool:
        """Take a waiting item out of the queue; False when it had left."""
        now = self.advance()
        if item.left is not None:
            return False
        self._leave(item, now)
        return True

    def stop(self, build: Build, by: str) -> bool:
        """Abort a running build; False when it had ended."""
        now = self.advance()
        if not build.running(now):
            return False
        self._abort(build, now, by)
        return True

    def proceed(self, build: Build, by: str) -> bool:
        """Let a build that waits for input go on to its end; False when it does not wait."""
        now = self.advance()
        if build.ends is not None:
            return False
        build.console = [*build.printed(now), f"Approved by {by}"]
        build.ends = now
        self._keep_build(build)
        return True

    # What the sandbox does

    def set_outcome(self, outcome: Outcome) -> None:
        self.jobs[outcome.job]  # an unknown job is a mistake of the test
        rules = self._outcomes.setdefault(outcome.job, [])
        rules.append(outcome)
        self._records.put(self.twin, "outcome", f"{outcome.job}#{len(rules):09}", outcome.to_json())

    def change_job(self, path: str, **state: Any) -> None:
        """Change what is told about a job, and let go on what it held up."""
        self.advance()
        for name, value in state.items():
            setattr(self.jobs[path], name, value)
        self._keep_job(self.jobs[path])
        while self._held:
            heapq.heappush(self._due, self._held.pop())
        self._resumed = max(self._resumed, time.time())
        self.advance()

    def set_quiet_period(self, seconds: float) -> None:
        self.quiet_period = seconds
        self._keep_settings()

    def quiet_down(self, quieting: bool) -> None:
        self.advance()
        self.quieting = quieting
        self._resumed = time.time()
        self._keep_settings()
        self.advance()

    def restart(self, seconds: float, *, crash: bool, resume: bool) -> None:
        """Be away for some seconds and forget what a restart loses; the queue, except after a crash, is saved."""
        now = self.advance()
        for build in self.running():
            if self.jobs[build.job].freestyle or not resume:
                self._interrupt(build, now, crash)
        if crash:
            self._lose_unsaved(now)
        while self._left:
            self._drop(self._left.popleft())
        self.session = secrets.token_hex(4)
        self.quieting = False
        self._resumed = now + seconds
        self._keep_settings()
        self.advance()

    def _interrupt(self, build: Build, now: float, crash: bool) -> None:
        """A build that cannot go on: aborted by a restart; after a crash its record has the failure it was given at its start."""
        self._abort(build, now, "")
        if crash:
            build.result = "FAILURE"
            self._keep_build(build)

    def _lose_unsaved(self, now: float) -> None:
        """queue.xml is older than the youngest items: they are gone, and their ids are given out again."""
        unsaved = [item for item in self.items.values() if item.since > now - self.unsaved_seconds]
        self._next_id = min((item.id for item in unsaved), default=self._next_id)
        for item in unsaved:
            if item.left is None:
                self._leave(item, now)

    def forget_builds(self, path: str) -> None:
        job = self.jobs[path]
        self.advance()
        for number in job.builds:
            self._records.delete(self.twin, "build", _build_id(path, number))
        job.forget()
        self._keep_job(job)

    # Looking

    def advance(self) -> float:
        """Let happen what is due, and say what time it is."""
        now = time.time()
        while self._due and self._due[0][0] <= now and not self.quieting and now >= self._resumed:
            due, item_id = heapq.heappop(self._due)
            item = self.items.get(item_id)
            if item is None or item.left is not None or item.due != due:
                continue
            if self.jobs[item.job].held:
                self._held.append((due, item_id))
            else:
                self._start(item, max(due, self._resumed))
        while self._left and (self.items[self._left[0]].left or 0.0) + self.left_item_seconds < now:
            self._drop(self._left.popleft())
        return now

    def waiting(self) -> list[Item]:
        """The queue, newest first."""
        return [self.items[item_id] for item_id in sorted(self._waiting.values(), reverse=True)]

    def running(self) -> list[Build]:
        """All builds that run now."""
        now = self.advance()
        return [build for job in self.jobs.values() for build in job.unsettled.values() if build.running(now)]

    # The steps

    def _merge(self, item: Item, due: float) -> Item:
        item.causes += 1
        if due < item.due:
            item.due = due
            heapq.heappush(self._due, (due, item.id))
        self._keep_item(item)
        self.advance()
        return item

    def _await(self, item: Item) -> None:
        self.items[item.id] = item
        self._waiting[item.key] = item.id
        self.jobs[item.job].waiting.append(item.id)
        heapq.heappush(self._due, (item.due, item.id))

    def _leave(self, item: Item, now: float) -> None:
        del self._waiting[item.key]
        self.jobs[item.job].waiting.remove(item.id)
        item.left = now
        self._left.append(item.id)
        self._keep_item(item)

    def _start(self, item: Item, now: float) -> None:
        job = self.jobs[item.job]
        rules = reversed(self._outcomes.get(item.job, []))
        outcome = next((rule for rule in rules if rule.fits(item.parameters)), Outcome(item.job))
        seconds = job.seconds if outcome.seconds is None else outcome.seconds
        ends = None if outcome.paused_for_input else now + seconds
        item.build = job.next_number
        build = Build(
            item.job, item.build, item.id, item.parameters, now, ends, outcome.result, list(outcome.console), item.causes
        )
        job.settle(now)
        job.add(build)
        self._leave(item, now)
        self._keep_build(build)
        self._keep_job(job)

    def _abort(self, build: Build, now: float, by: str) -> None:
        build.console = build.printed(now)
        build.ends, build.result, build.stopped_by = now, "ABORTED", by
        self._keep_build(build)

    def _drop(self, item_id: int) -> None:
        del self.items[item_id]
        self._records.delete(self.twin, "item", f"{item_id:09}")

    # Keeping and loading

    def _plant(self, seed: JobSeed) -> None:
        folder = self.root
        *parents, name = seed.path.split("/")
        for index, part in enumerate(parents):
            child = folder.children.setdefault(part, Folder("/".join(parents[: index + 1])))
            if not isinstance(child, Folder):
                raise ValueError(f"{child.path} is a job and cannot hold {seed.path}")
            folder = child
        if name in folder.children:
            raise ValueError(f"{seed.path} stands in the world twice")
        job = Job(seed.path, seed.parameters, seed.seconds)
        folder.children[name] = self.jobs[seed.path] = job

    def _load(self) -> None:
        for body in self._records.all(self.twin, "setting").values():
            self.quiet_period, self.quieting = body["quiet_period"], body["quieting"]
            self.salt, self._next_id = body["salt"], body["next_id"]
        for path, body in self._records.all(self.twin, "job").items():
            for name in body if path in self.jobs else ():
                setattr(self.jobs[path], name, body[name])
        for body in self._records.all(self.twin, "outcome").values():
            outcome = Outcome.from_json(body)
            self._outcomes.setdefault(outcome.job, []).append(outcome)
        for body in self._records.all(self.twin, "build").values():
            if body["job"] in self.jobs:
                self.jobs[body["job"]].add(Build(**body))
        items = [Item(**body) for body in self._records.all(self.twin, "item").values() if body["job"] in self.jobs]
        for item in sorted(items, key=lambda item: item.left or 0.0):
            self._load_item(item)
        self._keep_settings()

    def _load_item(self, item: Item) -> None:
        if item.left is None:
            self._await(item)
        else:
            self.items[item.id] = item
            self._left.append(item.id)

    def _keep_item(self, item: Item) -> None:
        self._records.put(self.twin, "item", f"{item.id:09}", asdict(item))

    def _keep_build(self, build: Build) -> None:
        self._records.put(self.twin, "build", _build_id(build.job, build.number), asdict(build))

    def _keep_job(self, job: Job) -> None:
        body: Document = {name: getattr(job, name) for name in _JOB_STATE}
        self._records.put(self.twin, "job", job.path, body)

    def _keep_settings(self) -> None:
        body: Document = {
            "quiet_period": self.quiet_period,
            "quieting": self.quieting,
            "salt": self.salt,
            "next_id": self._next_id,
        }
        self._records.put(self.twin, "setting", "controller", body)


def _build_id(path: str, number: int) -> str:
    return f"{path}#{number:09}"
