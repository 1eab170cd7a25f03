"""A sandbox of a module's own, in which nobody else is onboarded: what it was seeded with is all that readings find.

In the session's own sandbox others hire people, some of whom bear the names of seeded ones, and it is chance who came before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent_ops import Sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """In the place of the session's."""
    box = Sandbox(tmp_path_factory.mktemp("quiet")).start()
    yield box
    box.stop()
