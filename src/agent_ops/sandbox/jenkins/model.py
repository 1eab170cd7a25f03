"""What a Jenkins controller keeps: folders, jobs, queue items and builds, as plain values that can be stored as JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

RESULTS = ("SUCCESS", "FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT")

_PERMALINKS = {
    "lastCompletedBuild": RESULTS,
    "lastFailedBuild": ("FAILURE",),
    "lastStableBuild": ("SUCCESS",),
    "lastSuccessfulBuild": ("SUCCESS", "UNSTABLE"),
    "lastUnstableBuild": ("UNSTABLE",),
    "lastUnsuccessfulBuild": ("FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT"),
}


@dataclass(frozen=True)
class Outcome:
    """How the builds of a job end.

    ``match`` names parameters that must have these values (empty: every build). ``console`` is what the build itself prints.
    ``seconds`` overrides how long the job takes. With ``paused_for_input`` the build stops at a pipeline ``input`` step until
    somebody proceeds (then ``result`` counts) or aborts it.
    """

    job: str
    match: Mapping[str, str] = field(default_factory=dict)
    result: str = "SUCCESS"
    console: tuple[str, ...] = ()
    seconds: float | None = None
    paused_for_input: bool = False

    def __post_init__(self) -> None:
        if self.result not in RESULTS:
            raise ValueError(f"{self.result!r} is no Jenkins result, it must be one of {', '.join(RESULTS)}")

    def fits(self, parameters: Mapping[str, str]) -> bool:
        return all(parameters.get(name) == value for name, value in self.match.items())

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "match": dict(self.match)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        return cls(**{**data, "console": tuple(data["console"])})


@dataclass
class Item:
    """A place in the queue. It stays known for some minutes after it left the queue, with the build that it became.

    ``due`` is the end of its quiet period; ``causes`` counts the requests that were merged into it.
    """

    id: int
    job: str
    parameters: dict[str, str]
    since: float
    due: float
    causes: int = 1
    left: float | None = None
    build: int | None = None

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Items with equal keys are merged while they wait."""
        return self.job, tuple(sorted(self.parameters.items()))


@dataclass
class Build:
    """A run of a job.

    ``ends`` may lie in the future (it runs) or be None (it waits for input); ``result`` counts from then on.
    """

    job: str
    number: int
    queue_id: int
    parameters: dict[str, str]
    started: float
    ends: float | None
    result: str
    console: list[str]
    causes: int = 1
    stopped_by: str = ""

    def running(self, now: float) -> bool:
        return self.ends is None or now < self.ends

    def printed(self, now: float) -> list[str]:
        """The lines that the build itself has printed: they come evenly while it runs."""
        if self.ends is None:
            return [*self.console, "Input requested", "Proceed or Abort"]
        if now >= self.ends:
            return self.console
        return self.console[: int(len(self.console) * (now - self.started) / (self.ends - self.started))]

    @property
    def milliseconds(self) -> int:
        """How long it took, once it has ended."""
        return 0 if self.ends is None else round((self.ends - self.started) * 1000)


@dataclass
class Folder:
    """A folder of jobs; the root of the controller is the folder with the empty name."""

    path: str
    children: dict[str, Folder | Job] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass
class Job:
    """A job with its builds.

    ``last`` holds the number of the newest completed build of each permalink, kept up to date by `settle`, so that no answer
    has to look through all builds. While ``held`` says why, its items stay in the queue; ``stuck`` is Jenkins's word for such
    an item that has waited for long. ``denied`` are the permissions that the user lacks here, such as 'Job/Build'.
    """

    path: str
    parameters: tuple[str, ...]
    seconds: float
    disabled: bool = False
    freestyle: bool = False
    held: str = ""
    stuck: bool = False
    denied: list[str] = field(default_factory=list)
    next_number: int = 1
    builds: dict[int, Build] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    durations: deque[int] = field(default_factory=lambda: deque(maxlen=3))
    unsettled: dict[int, Build] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def add(self, build: Build) -> None:
        self.builds[build.number] = self.unsettled[build.number] = build
        self.next_number = max(self.next_number, build.number + 1)

    def forget(self) -> None:
        self.builds.clear()
        self.unsettled.clear()
        self.last.clear()
        self.durations.clear()

    def settle(self, now: float, lag: float = 0.0) -> None:
        """Take the builds that have ended into account. With a lag, young builds are left for later."""
        ended = [build for build in self.unsettled.values() if not build.running(now) and build.started <= now - lag]
        for build in ended:
            del self.unsettled[build.number]
            if build.result in ("SUCCESS", "UNSTABLE"):
                self.durations.append(build.milliseconds)
            for link, results in _PERMALINKS.items():
                if build.result in results:
                    self.last[link] = max(build.number, self.last.get(link, 0))

    def numbers(self, now: float, lag: float = 0.0) -> Iterator[int]:
        """The numbers of the visible builds, newest first."""
        for number in reversed(self.builds):
            if self.builds[number].started <= now - lag:
                yield number
