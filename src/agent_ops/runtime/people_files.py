"""Reading histories and queries, writing what was predicted: JSON lines and CSV. A bad row is named by its number."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.plain import one_line
from agent_ops.memory.patterns import Person

_ADVICE = 'A row is {"id": "..", "profile": {attribute: value}, "access": [items]}.'
ACTION, RESOURCE = "ACTION", "RESOURCE"


def read_people(path: Path, what: str, known: bool) -> list[Person]:
    """All people of a file of JSON lines; empty lines are skipped.

    Args:
        known: whether every row must say what access the person has, be it none. Queries may leave it out.

    Raises:
        InvalidRequest: the file cannot be read, or a row is no person; it says which.
    """
    return [_person(line, number, what, known) for number, line in _lines(path, what)]


def _lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise InvalidRequest(what, f"{path} is not UTF-8: {error.reason}", "Save it as UTF-8.") from error
    except OSError as error:
        raise InvalidRequest(what, f"{path} cannot be read: {error.strerror}", "Name a file that is there.") from error


def _person(line: str, number: int, what: str, known: bool) -> Person:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(what, f"row {number} is no JSON: {one_line(str(error), 100)}", _ADVICE) from error
    if not isinstance(row, dict):
        raise InvalidRequest(what, f"row {number} is no object", _ADVICE)
    if known and row.get("access") is None:
        raise InvalidRequest(what, f"row {number}: access is missing", _ADVICE)
    profile, access = row.get("profile", {}), row.get("access")
    if not isinstance(profile, dict) or not all(map(_plain, profile.values())):
        raise InvalidRequest(what, f"row {number}: profile must be an object of texts, numbers, or lists of them", _ADVICE)
    if not isinstance(access, (list, type(None))) or not all(isinstance(one, (str, int, float)) for one in access or ()):
        raise InvalidRequest(what, f"row {number}: access must be a list of items", _ADVICE)
    return Person(str(row.get("id", number)), profile, tuple(dict.fromkeys(map(str, access or ()))))


def _plain(value: object) -> bool:
    return isinstance(value, (str, int, float, type(None))) or (
        isinstance(value, list) and all(isinstance(one, (str, int, float, type(None))) for one in value)
    )


def read_decisions(path: Path, what: str, decided: bool) -> tuple[list[dict[str, str]], list[bool] | None]:
    """Requests without their decisions, and the decisions: None when the file has none and they are not demanded.

    Raises:
        InvalidRequest: the file cannot be read, lacks a column, or a row has too many or too few values.
    """
    rows: list[dict[str, str]] = []
    truths: list[bool] = []
    numbered = _lines(path, what)
    reader = csv.reader(line for _, line in numbered)
    header = [name.strip() for name in next(reader, [])]
    _check_header(header, what, decided)
    for number, values in enumerate(reader, 2):
        if len(values) != len(header):
            raise InvalidRequest(what, f"row {number} has {len(values)} values for {len(header)} columns", "Mend the row.")
        row = {name: value.strip() for name, value in zip(header, values, strict=True)}
        if ACTION in row:
            truths.append(_decision(row.pop(ACTION), number, what))
        rows.append(row)
    return rows, truths if ACTION in header else None


def _check_header(header: Sequence[str], what: str, decided: bool) -> None:
    wanted = [RESOURCE, *([ACTION] if decided else [])]
    if missing := [name for name in wanted if name not in header]:
        raise InvalidRequest(what, f"the first line names no column {' or '.join(missing)}", "The first line names the columns.")
    if len(set(header)) < len(header):
        raise InvalidRequest(what, "the first line names a column twice", "Give each column a name of its own.")


def _decision(text: str, number: int, what: str) -> bool:
    if text not in {"0", "1"}:
        raise InvalidRequest(what, f"row {number}: ACTION must be 1 (approved) or 0 (denied)", "Mend the row.")
    return text == "1"


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_probabilities(path: Path, probabilities: Iterable[float]) -> None:
    """CSV of the row's number, from 1, and the probability that it is approved."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["row", "approve"])
        out.writerows((number, f"{value:.6f}") for number, value in enumerate(probabilities, 1))
