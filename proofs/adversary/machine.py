"""The state machine: requests, deaths, tampering and an attacker as the planner, in any order; judged after each step."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from proofs.adversary.minds import Call, Move
from proofs.adversary.more_invariants import violations
from proofs.adversary.moves import CALLS, EVERY_CALL, EVERY_GUESS, ITEMS, REACHES, SCRIPTS, UNKNOWN
from proofs.adversary.oracle import Person
from proofs.adversary.stage import OFFICE, PEOPLE, VIEWER, Ask, Stage
from proofs.adversary.tampering import GRANTS, STATES

logging.getLogger("agent_ops").addHandler(logging.NullHandler())
_PEOPLE = st.sampled_from(PEOPLE)
_ITEMS = st.none() | st.lists(st.sampled_from(ITEMS), max_size=4, unique=True).map(tuple)
_STRIKES = st.lists(st.sampled_from(("", "", "refuse", "deny", "drop_before", "drop_after", "hang", "fail")), max_size=6)
_DIES = st.none() | st.tuples(st.integers(0, 6), st.sampled_from(("before", "after")))
_CALLERS = st.sampled_from((OFFICE, OFFICE, OFFICE, VIEWER))
OPENINGS = ("reaching", "guesses", "namesakes", "lost", "sweep", "stopped", "altered", "rewritten", "amid", "quits", "viewer")
_LOST = st.lists(st.sampled_from(("", "drop_after", "drop_after")), min_size=4, max_size=9)
_GUESSES = st.lists(UNKNOWN, min_size=2, max_size=6)
_DEATH = Move("die")


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Tally:
    """What was played, and the first time that each invariant was broken: example, step, words."""

    examples: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    emitted: int = 0
    denied: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    broken: dict[str, tuple[int, int, str]] = field(default_factory=dict)


class Attack(RuleBasedStateMachine):
    """Hypothesis chooses; the services judge."""

    tally: ClassVar[Tally] = Tally()
    wanted: ClassVar[str] = ""
    """The invariant whose breach ends the play; any, when empty."""
    opening: ClassVar[str] = "sweep"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stage = Stage()
        self.step = 0
        self.failed = False
        self.tally.examples += 1
        self._do("open", self.stage.open())

    def teardown(self) -> None:
        try:
            if not self.failed:
                self._do("settle", self.stage.settle())
                self.hold()
        finally:
            self._count()
            self.loop.run_until_complete(self.stage.close())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    @invariant()
    def hold(self) -> None:
        found = violations(self.stage.seen)
        for name, words in found.items():
            self.tally.broken.setdefault(name, (self.tally.examples, self.step, words[0]))
        if self.wanted in found or (found and not self.wanted):
            self.failed = True
            raise Broken("\n".join(f"{name}: {line}" for name, lines in found.items() for line in lines[:3]))

    @initialize(data=st.data())
    def open_with(self, data: Any) -> None:
        """Each example begins with one way of attack, so that none is rare: hypothesis chooses what follows."""
        getattr(self, f"_open_{self.opening}")(data.draw(st.permutations(PEOPLE[:4])), data)

    def _open_reaching(self, people: Sequence[Person], data: Any) -> None:
        self._reach(people, "run_id", ())

    def _open_guesses(self, people: Sequence[Person], data: Any) -> None:
        self._guess(people[0], EVERY_GUESS)

    def _open_namesakes(self, people: Sequence[Person], data: Any) -> None:
        self._all(data.draw(st.permutations(PEOPLE[4:])))

    def _open_lost(self, people: Sequence[Person], data: Any) -> None:
        self._lose(people[0], data.draw(_LOST), None)

    def _open_sweep(self, people: Sequence[Person], data: Any) -> None:
        script = (Move("legit"), Move("calls", EVERY_CALL), Move("forever"))
        self._do("sweep", self.stage.request([Ask(people[0], None, script)]))

    def _open_stopped(self, people: Sequence[Person], data: Any) -> None:
        narrow, days = data.draw(st.sampled_from(((True, 0), (False, 31))))
        self._stop(people[0], None, (Move("legit"), Move("legit"), Move("calls", EVERY_CALL)), narrow, days)

    def _open_altered(self, people: Sequence[Person], data: Any) -> None:
        self._do("request", self.stage.request([Ask(people[2], None, ())]))
        for person, how in zip(people, ("widen", "swap"), strict=False):
            self._alter(person, None, how, ())

    def _open_rewritten(self, people: Sequence[Person], data: Any) -> None:
        self._rewrite(people[0], None, data.draw(st.sampled_from(STATES[-2:])), ())

    def _open_amid(self, people: Sequence[Person], data: Any) -> None:
        """A run is cancelled while its planner thinks, which then goes on as if it were not."""
        self._do("cancelled amid", self.stage.cancel_amid(Ask(people[0], None, (Move("doze"),))))

    def _open_quits(self, people: Sequence[Person], data: Any) -> None:
        """The process dies while effects are under way, and the planner then says that all is done, or nothing of use."""
        self._trouble([], (data.draw(st.integers(1, 5)), "after"))
        last = data.draw(st.sampled_from((Move("finish"), Move("forever"))))
        self._do("quits", self.stage.request([Ask(people[0], None, (Move("legit"), last))]))

    def _open_viewer(self, people: Sequence[Person], data: Any) -> None:
        self._do("viewer", self.stage.request([Ask(people[0], None, ())], VIEWER))

    @rule(person=_PEOPLE, items=_ITEMS, script=SCRIPTS, strikes=_STRIKES, dies=_DIES, caller=_CALLERS)
    def request(self, person: Any, items: Any, script: Any, strikes: Any, dies: Any, caller: Any) -> None:
        """A new hire, or the same again."""
        self._trouble(strikes, dies)
        self._do("request", self.stage.request([Ask(person, items, tuple(script))], caller))

    @rule(
        people=st.lists(_PEOPLE, min_size=2, max_size=3, unique=True),
        items=_ITEMS,
        scripts=st.tuples(SCRIPTS, SCRIPTS, SCRIPTS),
        dies=_DIES,
    )
    def requests(self, people: Any, items: Any, scripts: Any, dies: Any) -> None:
        """Several at once."""
        self._trouble([], dies)
        asks = [Ask(person, items, tuple(script)) for person, script in zip(people, scripts, strict=False)]
        self._do("requests", self.stage.request(asks))

    @rule(
        person=st.sampled_from(PEOPLE[:4]),
        strikes=_LOST,
        dies=st.none() | st.tuples(st.integers(1, 4), st.just("after")),
    )
    def lost_answers(self, person: Any, strikes: Any, dies: Any) -> None:
        self._lose(person, strikes, dies)

    def _lose(self, person: Person, strikes: list[str], dies: tuple[int, str] | None) -> None:
        """Legitimate work, of which the services' answers are lost."""
        self._trouble(["", *strikes], dies)
        self._do("lost answers", self.stage.request([Ask(person, None, (Move("legit"), Move("again"), Move("again")))]))

    @rule(calls=st.lists(CALLS, min_size=1, max_size=3), people=st.permutations(PEOPLE[:4]), argument=st.sampled_from(REACHES))
    def reaching(self, calls: Any, people: Any, argument: str) -> None:
        self._reach(people, argument, tuple(calls))

    def _reach(self, people: Sequence[Person], argument: str, calls: tuple[Call, ...]) -> None:
        """While one run idles, another one's calls name it."""
        self._trouble([], None)
        reach = Move("spike", (("entra", "create_account", {argument: "$RUN"}),))
        idle = Move("idle", (("entra", "link_account", {}),))
        asks = [Ask(people[0], None, (reach, reach, Move("calls", calls))), Ask(people[1], None, (idle, idle))]
        self._do("reaching", self.stage.request(asks))

    @rule(people=st.permutations(PEOPLE[4:]))
    def namesakes(self, people: Any) -> None:
        self._all(people)

    def _all(self, people: Sequence[Person]) -> None:
        """People whose names look alike, or like what is reserved."""
        self._trouble([], None)
        self._do("namesakes", self.stage.request([Ask(person, None, ()) for person in people]))

    @rule(person=st.sampled_from(PEOPLE[:4]), calls=_GUESSES)
    def guesses(self, person: Any, calls: Any) -> None:
        self._guess(person, calls)

    def _guess(self, person: Person, calls: Sequence[Call]) -> None:
        """Tools that nobody has, before anything else."""
        self._trouble([], None)
        self._do("guesses", self.stage.request([Ask(person, None, (Move("calls", tuple(calls)),))]))

    @rule(person=_PEOPLE, items=_ITEMS, how=st.sampled_from(GRANTS), calls=st.lists(CALLS, max_size=4))
    def altered_grant(self, person: Any, items: Any, how: str, calls: Any) -> None:
        self._alter(person, items, how, tuple(calls))

    def _alter(self, person: Person, items: Any, how: str, calls: tuple[Call, ...]) -> None:
        """The process dies at its first thought; its grant is altered; it is resumed."""
        self._trouble([], None)

        async def play() -> None:
            async def meanwhile() -> None:
                for run_id in self.stage._live("running", "queued"):
                    await self.stage.alter_grant(run_id, how)

            self.stage.while_dead = meanwhile
            widened = tuple(("jenkins", "run_pipeline", {"item": item}) for item in ("github", "wiki", "aws"))
            script = (_DEATH, Move("legit"), Move("calls", (*widened, *calls)))
            await self.stage.request([Ask(person, items, script)])
            self.stage.while_dead = None

        self._do("altered_grant", play())

    @rule(person=_PEOPLE, items=_ITEMS, how=st.sampled_from(STATES), script=SCRIPTS)
    def rewritten_state(self, person: Any, items: Any, how: str, script: Any) -> None:
        self._rewrite(person, items, how, tuple(script))

    def _rewrite(self, person: Person, items: Any, how: str, script: tuple[Move, ...]) -> None:
        """The process dies amid its work; its thread's checkpoint is written over; it is resumed."""
        self._trouble([], (1, "after"))

        async def play() -> None:
            async def meanwhile() -> None:
                for run_id in self.stage._live("running", "queued"):
                    await self.stage.rewrite_state(run_id, how)

            self.stage.while_dead = meanwhile
            await self.stage.request([Ask(person, items, script)])
            self.stage.while_dead = None

        self._do("rewritten_state", play())

    @precondition(lambda self: self.stage.oracle.asked)
    @rule(data=st.data(), script=SCRIPTS, strikes=_STRIKES)
    def retry(self, data: Any, script: Any, strikes: Any) -> None:
        self._trouble(strikes, None)
        self._do("retry", self.stage.retry(self._run(data), tuple(script)))

    @precondition(lambda self: self.stage.oracle.asked)
    @rule(data=st.data(), undo=st.booleans(), script=SCRIPTS, caller=_CALLERS)
    def cancel(self, data: Any, undo: bool, script: Any, caller: Any) -> None:
        self._trouble([], None)
        self._do("cancel", self.stage.cancel(self._run(data), undo, tuple(script), caller))

    @rule(item=st.none() | st.sampled_from(ITEMS), on=st.booleans())
    def switch(self, item: str | None, on: bool) -> None:
        """Changes are paused, all or those of an item, or go on."""
        self._do("switch", self.stage.resume() if on else self.stage.pause(item))

    @rule(narrow=st.none() | st.booleans(), days=st.sampled_from((0, 0, 29, 31)), kill=st.booleans())
    def restart(self, narrow: bool | None, days: int, kill: bool) -> None:
        """Another process, perhaps with a narrower policy, perhaps a month later."""
        self._trouble([], None)
        self._do("restart", self.stage.restart(narrow=narrow, days=days, kill=kill))

    @rule(person=_PEOPLE, items=_ITEMS, script=SCRIPTS, narrow=st.none() | st.booleans(), days=st.sampled_from((0, 31)))
    def stopped(self, person: Any, items: Any, script: Any, narrow: bool | None, days: int) -> None:
        self._stop(person, items, tuple(script), narrow, days)

    def _stop(self, person: Person, items: Any, script: tuple[Move, ...], narrow: bool | None, days: int) -> None:
        """A run that waits, as everything is paused, while the policy grows narrower or a month passes."""
        self._trouble([], None)

        async def play() -> None:
            await self.stage.pause(None)
            await self.stage.request([Ask(person, items, script)])
            await self.stage.restart(narrow=narrow, days=days, kill=False)
            await self.stage.resume()

        self._do("stopped", play())

    @rule(person=_PEOPLE, items=_ITEMS)
    def plan(self, person: Any, items: Any) -> None:
        self._trouble([], None)
        self._do("plan", self.stage.plan(person, items))
        self._do("broken policy", self.stage.start_broken())

    def _run(self, data: Any) -> str:
        return str(data.draw(st.sampled_from(self.stage.oracle.asked)).run_id)

    def _trouble(self, strikes: list[str], dies: tuple[int, str] | None) -> None:
        self.stage.services.strikes, self.stage.services.dies = list(strikes), dies

    def _do(self, name: str, play: Coroutine[Any, Any, None]) -> None:
        self.step += 1
        self.tally.steps[name] += 1
        self.loop.run_until_complete(play)

    def _count(self) -> None:
        seen = self.stage.seen
        self.tally.writes.update(write.kind for write in seen.world.writes)
        self.tally.emitted += len(seen.minds.emitted)
        self.tally.denied += sum(row.kind == "denied" for row in seen.disk.audit())
        self.tally.runs.update(status for _, status in seen.disk.runs().values())
