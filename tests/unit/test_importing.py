"""No garbage is looked for while much is imported; afterwards it is as it was."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator

import pytest

import agent_ops
from agent_ops.importing import importing


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    yield
    gc.enable()


def test_garbage_is_looked_for_again_afterwards() -> None:
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_so_it_is_when_an_import_fails() -> None:
    with pytest.raises(ModuleNotFoundError), importing():
        importlib.import_module("nothing_of_this_name")
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with importing():
        pass
    assert not gc.isenabled()


def test_the_packages_names_are_imported_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[bool]()
    real = agent_ops.import_module
    monkeypatch.setattr(agent_ops, "import_module", lambda name: (seen.append(gc.isenabled()), real(name))[1])
    assert agent_ops.AgentOps is not None
    assert seen == [False]
    assert gc.isenabled()
