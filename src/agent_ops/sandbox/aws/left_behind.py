"""What pipelines leave behind in AWS: a build that provisions an AWS access tags something with its user's address.

Nobody tells this twin of builds: when it is asked for tags, it looks into the sandbox's records for those that have succeeded.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from agent_ops.sandbox.aws.content import Content
from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.world import TagSeed


class LeftBehind:
    """Lets builds of the given jobs have left their tags. ``idle``: pipelines that say they worked, and did nothing."""

    def __init__(self, tags: Sequence[TagSeed], records: Records, content: Content) -> None:
        self._tags, self._records, self._content = {seed.job: seed for seed in tags}, records, content
        self._settled: set[str] = set()
        self.idle = False

    def settle(self) -> None:
        """Make what builds that succeeded meanwhile have left."""
        if not self._tags:
            return
        for twin_build, build in self._records.all("jenkins", "build").items():
            if twin_build in self._settled or not _succeeded(build):
                continue
            self._settled.add(twin_build)
            seed = self._tags.get(build["job"])
            if seed and not self.idle:
                self._leave(seed, str(build["parameters"].get(seed.parameter, "")))

    def _leave(self, seed: TagSeed, value: str) -> None:
        if value:
            name = hashlib.sha256(value.encode()).hexdigest()[:16]  # buckets' names are public: no address in them
            self._content.tag_bucket(f"home-{name}", seed.tag, value)


def _succeeded(build: Document) -> bool:
    return build["result"] == "SUCCESS" and build["ends"] is not None and build["ends"] <= time.time()
