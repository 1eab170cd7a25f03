"""What the live board makes of events."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from agent_ops.cli.board import Row
from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.runs import Event
from agent_ops.domain.verification import Sight

NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        *[(status.value, status) for status in ItemStatus],
        (Sight.CONTRADICTED.value, ItemStatus.COMPLETED),
        (Sight.UNVERIFIED.value, ItemStatus.COMPLETED),
        ("waiting", ItemStatus.COMPLETED),
    ],
)
def test_an_event_that_is_no_items_status_leaves_it_as_it_is(status: str, shown: ItemStatus) -> None:
    row = Row("Ana", items={"github": AccessItem("github", ItemStatus.COMPLETED)})
    row.take(Event(1, "run", "employee", NOW, "status", "words", item="github", status=status))
    assert row.items["github"].status is shown
