"""The table of names: what each becomes, or that it is refused. Written before the code that makes it pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from agent_ops.domain.addresses import candidates
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.names import clean_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).parent / "names.toml"
REFUSED = "refused"


class Row(NamedTuple):
    name: str
    expected: str
    culture: str
    source: str


ROWS = [Row(*row) for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["rows"]]
ACCEPTED = [row for row in ROWS if row.expected != REFUSED]


def address_of(name: str) -> str:
    """As a hire's name goes: cleaned at the edge, then the first candidate."""
    return next(candidates(clean_name(name), "acme.example"))


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.culture}:{row.name[:40]!a}" for row in ROWS])
def test_every_name_of_the_table_gets_its_address_or_its_refusal(row: Row) -> None:
    if row.expected == REFUSED:
        with pytest.raises(InvalidRequest) as caught:
            address_of(row.name)
        assert caught.value.advice
    else:
        assert address_of(row.name) == f"{row.expected}@acme.example"


def test_the_table_is_wide_enough_and_says_where_each_row_comes_from() -> None:
    assert len(ROWS) >= 140
    assert len({row.culture for row in ACCEPTED}) >= 24
    assert [row for row in ROWS if not row.culture or not row.source] == []
    assert len({row.name for row in ROWS}) == len(ROWS)
