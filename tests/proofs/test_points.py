"""The kill points come out of the code: what is written there is found, and what nobody reaches is told."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from proofs.cell import Cell, Result
from proofs.crash import Survey, enumerated, sample, site, stale
from proofs.judge import Verdict
from proofs.scenarios import PLAIN
from proofs.watch import REWRITTEN, Order, What

from agent_ops.domain.effects import Action
from agent_ops.runtime import compose
from proofs import points


def awaits_in(file: Path, function: str) -> int:
    """Counted apart from the code under test: the await expressions of one function."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = next(n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef) and n.name == function)
    return sum(isinstance(node, ast.Await) for node in ast.walk(found))


@pytest.mark.parametrize("function", ["perform", "_performed", "_to_the_service", "_send_and_record"])
def test_every_await_of_the_door_is_a_point_before_and_after(function: str) -> None:
    named = [p for p in points.await_points() if f" Ledger.{function}: await" in p]
    assert len(named) == 2 * awaits_in(points.SOURCE / "ledger" / "door.py", function) > 0


def test_every_method_of_every_adapter_that_the_door_calls_is_reached() -> None:
    """Adapters are what the composition makes, whoever they are."""
    reached = {function.qualname for function in points.awaiting().values()}
    adapters = [name for name, found in vars(compose).items() if inspect.isclass(found) and hasattr(found, "look_up")]
    assert len(adapters) >= 4  # the port itself among them
    for name in adapters:
        assert name == "EffectAdapter" or {f"{name}.look_up", f"{name}.send", f"{name}.follow"} <= reached


def test_every_transaction_of_the_ledger_is_a_point() -> None:
    files = [file for file in (points.SOURCE / "ledger").glob("*.py") if file.name != "planning.py"]  # of which nothing remains
    calls = sum(len(re.findall(r"\.transaction\(", file.read_text(encoding="utf-8"))) for file in files)
    owners = (" Ledger.", " RunJournal.", " Inspector.")
    assert sum(any(owner in point for owner in owners) for point in points.commit_points()) == 2 * calls > 0


def test_new_code_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "door.py").write_text(
        "class Ledger:\n"
        "    async def perform(self):\n"
        "        await self._helped()\n"
        "    async def _helped(self):\n"
        "        async with self.lock:\n"
        "            await self.adapter.send()\n"
        "    async def _alone(self):\n"
        "        await nothing()\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(points, "SOURCE", tmp_path)
    points._functions.cache_clear()
    try:
        found = [name for function in points.sites(("ledger",), ("Ledger.perform",)).values() for name in function.awaits]
    finally:
        points._functions.cache_clear()
    assert found == [
        "ledger/door.py:5 Ledger._helped: async with self.lock, enter",
        "ledger/door.py:5 Ledger._helped: async with self.lock, exit",
        "ledger/door.py:6 Ledger._helped: await self.adapter.send()",
        "ledger/door.py:3 Ledger.perform: await self._helped()",
    ]


def test_an_unknown_root_is_an_error_not_an_empty_matrix() -> None:
    with pytest.raises(LookupError):
        points.sites(("ledger",), ("Ledger.performed",))


def test_the_code_with_points_does_what_the_code_does() -> None:
    """Only awaits are changed: the functions keep their arguments and their closures."""
    from agent_ops.ledger.attempt import Attempt

    code = REWRITTEN["agent_ops.ledger.attempt"]["Attempt._send"]
    assert code.co_varnames[: code.co_argcount] == Attempt._send.__code__.co_varnames[: Attempt._send.__code__.co_argcount]
    assert code.co_freevars == Attempt._send.__code__.co_freevars
    assert "__reach__" in code.co_names
    assert "__reach__" not in Attempt._send.__code__.co_names


def test_a_point_that_nobody_reached_is_told_by_name() -> None:
    found = Survey()
    everything = {(point, "x") for point in enumerated()}
    missing = sorted(everything)[0]
    found.note(Result(Cell(PLAIN), Verdict(), True, 0, everything - {missing}))
    assert found.unreached == [missing[0]]


def test_scenarios_name_points_that_the_code_has() -> None:
    assert stale() == []


def test_a_slice_has_every_site() -> None:
    cells = [Cell(PLAIN, Order(What.KILL, p), (p, c)) for p in enumerated() for c in (action.value for action in Action)]
    drawn = sample(cells, lambda cell: site(cell.pair[0]), seed=1)
    assert {site(cell.pair[0]) for cell in drawn} == {site(point) for point in enumerated()}
    assert drawn == sample(cells, lambda cell: site(cell.pair[0]), seed=1)
    assert drawn != sample(cells, lambda cell: site(cell.pair[0]), seed=2)
