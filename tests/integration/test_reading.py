"""The one base of all reading tools, and what an agent makes of a reading: bounded, untrusted, with its sources."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from proofs.unmetered import Unmetered
from pydantic import Field

from agent_ops.agents import AgentSpec
from agent_ops.agents.graph import build_agent
from agent_ops.domain.errors import ServiceUnavailable
from agent_ops.domain.readings import MAX_READING, Reading, Source
from agent_ops.tools.choices import NoChoice
from agent_ops.tools.context import RunContext
from agent_ops.tools.read_tool import ReadTool
from tests.integration.test_agents import FixedJournal, ScriptedModel, SpyDoor, calling


class Shelf(NoChoice):
    shelf: str = Field(max_length=8)


class Library:
    """A reader of books."""

    def __init__(self, answer: Reading | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def books(self, shelf: str) -> Reading:
        self.asked.append(shelf)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class NotingJournal(FixedJournal):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    async def note(self, run_id: str, kind: str, message: str, **where: str) -> None:
        self.notes.append(f"{kind}: {message}")


TOOL = ReadTool(
    name="books", description="Books on a shelf.", args_schema=Shelf, agent="library", question="books", needs="LIBRARY_CARD"
)
SPEC = AgentSpec("library", "reads books", "jenkins", (TOOL,))
TWO = Reading([{"title": "Emma"}, {"title": "Ulysses"}], (Source("library", "A/1"), Source("library", "A/2")), more="p2")


async def ask(reader: Any, *, goal: str = "x", model: Any = None, shelf: str = "A", tool: str | None = "books") -> Any:
    door, journal = SpyDoor(), NotingJournal()
    readers = {"library": reader} if reader else {}
    context = RunContext("run-1", door, journal, Unmetered(model) if model else None, readers)  # type: ignore[arg-type]
    step = {"id": "s1", "agent": "library", "goal": goal, "tool": tool, "arguments": {"shelf": shelf}}
    state = await build_agent(SPEC).ainvoke({"step": step}, context=context)  # type: ignore[typeddict-item]
    assert door.proposed == [], "what reads never comes by the door"
    return SimpleNamespace(**state["observation"], notes=journal.notes)


async def test_a_reading_is_untrusted_and_names_its_sources() -> None:
    seen = await ask(Library(TWO))
    assert (seen.succeeded, seen.untrusted, seen.sources) == (True, True, ["library: A/1", "library: A/2"])
    assert seen.text.index("p2") < seen.text.index("Emma"), "how to read on stands where nothing cuts it off"
    assert seen.notes == ["action: books: read 2 sources, and there is more"]


async def test_a_reading_in_a_models_loop_keeps_its_sources() -> None:
    model = ScriptedModel(answers=[calling("books", shelf="A"), AIMessage("Emma and Ulysses")])
    seen = await ask(Library(TWO), tool=None, model=model)
    assert (seen.text, seen.untrusted, seen.sources) == ("Emma and Ulysses", True, ["library: A/1", "library: A/2"])


@pytest.mark.parametrize(
    ("reader", "shelf", "words"),
    [
        (None, "A", "Set LIBRARY_CARD"),
        (Library(ServiceUnavailable("library", "is closed", "Come again.")), "A", "is closed"),
        (Library(TWO), "A" * 9, "cannot be called like that"),
    ],
)
async def test_what_cannot_be_read_is_one_answer_that_says_what_to_do(reader: Any, shelf: str, words: str) -> None:
    seen = await ask(reader, shelf=shelf)
    assert not seen.succeeded
    assert words in seen.text
    assert seen.sources == []


async def test_a_long_reading_is_bounded() -> None:
    seen = await ask(Library(Reading("y" * 50_000)))
    assert len(seen.text) == MAX_READING
