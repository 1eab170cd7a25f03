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
        self.idle = False

    def settle(self) -> None:
        """Make what builds that succeeded meanwhile have left."""
        if not self._seeds:
            return
        for twin_build, build in self._records.all("jenkins", "build").items():
            if twin_build in self._settled or not _succeeded(build):
                continue
            self._settled.add(twin_build)
            if self._keeper:
                self._records.put(self._keeper, "settled", twin_build, {})
            seed = self._seeds.get(build["job"])
            value = str(build["parameters"].get(seed.parameter, "")) if seed else ""
            if seed and value and not self.idle:
                self._leave(seed, value)


def _succeeded(build: Document) -> bool:
    return build["result"] == "SUCCESS" and build["ends"] is not None and build["ends"] <= time.time()
