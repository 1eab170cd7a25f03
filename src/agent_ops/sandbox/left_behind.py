"""What pipelines leave behind at other services: a build that gives an access makes something there.

Nobody tells a twin of builds: when it is asked for what they leave, it looks into the sandbox's records for those that succeeded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.world import OutcomeSeed


class LeftBehind:
    """Lets builds have left what they should, each once. ``idle``: pipelines that say they worked, and did nothing.

    Args:
        seeds: what a successful build of each job leaves.
        leave: makes it, from the seed and the build's parameter, which is never empty.
        keeper: the twin in whose records it is written down which builds are through, for one that keeps its state; empty for
            one that begins afresh each time.
    """

    def __init__(
        self, seeds: Iterable[OutcomeSeed], records: Records, leave: Callable[[OutcomeSeed, str], None], keeper: str = ""
    ) -> None:
        self._seeds, self._records, self._leave, self._keeper = {seed.job: seed for seed in seeds}, records, leave, keeper
        self._settled = set(records.all(keeper, "settled")) if keeper else set[str]()
        self._over = dict.fromkeys(self._seeds, "")
        self.idle = False

    def settle(self) -> None:
        """Make what builds that succeeded meanwhile have left."""
        for seed in self._seeds.values():
            older = True
            for build_id, build in self._of(seed.job).items():
                older = older and _is_over(build)
                if older:
                    self._over[seed.job] = build_id
                if build_id not in self._settled and _is_over(build) and build["result"] == "SUCCESS":
                    self._settle(seed, build_id, build)

    def _of(self, job: str) -> dict[str, Document]:
        """A job's builds from the last one on before which all are over; all of them when the job was made anew meanwhile."""
        last, over = f"{job}#~", self._over[job]
        builds = self._records.since("jenkins", "build", over or f"{job}#", last)
        return builds if not over or over in builds else self._records.since("jenkins", "build", f"{job}#", last)

    def _settle(self, seed: OutcomeSeed, build_id: str, build: Document) -> None:
        self._settled.add(build_id)
        if self._keeper:
            self._records.put(self._keeper, "settled", build_id, {})
        value = str(build["parameters"].get(seed.parameter, ""))
        if value and not self.idle:
            self._leave(seed, value)


def _is_over(build: Document) -> bool:
    return build["ends"] is not None and build["ends"] <= time.time()
