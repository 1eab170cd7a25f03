"""What people decide about a running system: the kill switch, breakers, a person's data, the audit."""

from __future__ import annotations

from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.erasure import Erasure
from agent_ops.domain.first_sign_in import AccessPass
from agent_ops.domain.limits import Breaker
from agent_ops.domain.recommendation import Choice, Outlier, Recommended
from agent_ops.domain.runs import Pause
from agent_ops.memory.attribute_weights import AttributeWeights
from agent_ops.runtime.advising import Advisor
from agent_ops.runtime.auditing import Auditor
from agent_ops.runtime.clearing import clear_address
from agent_ops.runtime.erasing import Eraser
from agent_ops.runtime.register import Register
from agent_ops.settings import Settings
from agent_ops.storage.head import HEAD_FILE


class Administration(Register):
    """The part of ``AgentOps`` that a person's word moves; each method names the scope that it needs."""

    _settings: Settings

    async def first_sign_in(self, wanted: str) -> AccessPass:
        """A pass with which a new hire signs in the first time, made at this moment. Needs the scope ``passes``.

        ``secret.take()`` of the answer gives the pass, once; it is kept nowhere. An earlier pass that nobody has used is
        withdrawn for it.

        Args:
            wanted: an employee id, an address or a full name.

        Raises:
            NotPermitted: the caller may not. NotFound: nobody is meant. InvalidRequest: several people are.
            NoAccessPass: we did not create the account, somebody has used it, or it cannot be had now; the message says why.
        """
        self._check_open()
        return await self._system.first_sign_ins.retrieve(wanted, self._caller, self._request_id)

    async def clear_address(self, wanted: str) -> Employee:
        """Forget an employee's stored address, which becomes the empty text. Needs the scope ``delete``.

        The account stays theirs: a later request makes no second one, and nobody else is ever given the address.

        Args:
            wanted: an employee id, an address or a full name.

        Raises:
            NotPermitted: the caller may not. NotFound: nobody is meant. InvalidRequest: several people are.
        """
        self._check_open()
        return await clear_address(self._system.store, wanted, self._caller)

    async def erase(self, wanted: str) -> Erasure:
        """Remove everything that tells of a person from the data directory, for ever. Needs the scope ``erase``.

        Args:
            wanted: an employee id, a run id, an address or a full name.

        Raises:
            NotPermitted: the caller may not. NotFound: nobody is meant. InvalidRequest: several people are, or a run goes on.
            StorageBusy: another process held the database for long; the same call again goes on.
        """
        self._check_open()
        return await Eraser(self._settings.data_dir, self._system.store, self._system.keys).erase(wanted, self._caller)

    async def recommend(self, wanted: Profile | str) -> list[Recommended]:
        """What people like this one have, with support, probability, lower bound and reason. See :meth:`Advisor.recommend`.

        Args:
            wanted: a profile (its name says nothing), or an employee: an id, an address or a full name.
        """
        self._check_open()
        return await self._advisor.recommend(wanted)

    async def recommendation_weights(self) -> AttributeWeights:
        """What agreeing in team, level and location is worth to memory, and from how many patterns that was learned."""
        self._check_open()
        return await self._advisor.weights()

    async def outliers(self) -> list[Outlier]:
        """Who holds what hardly anybody like them holds, with support and reason, the surest first."""
        self._check_open()
        return await self._advisor.outliers()

    async def recommendation_history(
        self, wanted: str | None = None, *, team: str | None = None, requester: str | None = None, limit: int = 200
    ) -> list[Choice]:
        """What was asked, suggested, given unasked, chosen, declined and changed, the newest first: :meth:`Advisor.history`."""
        self._check_open()
        return await self._advisor.history(wanted, team=team, requester=requester, limit=limit)

    async def decline_recommendation(self, wanted: str, item: str, why: str) -> Choice:
        """Let an item never be recommended to an employee again. Needs the scope ``onboard``. See :meth:`Advisor.decline`."""
        self._check_open()
        return await self._advisor.decline(wanted, item, why, self._caller)

    @property
    def _advisor(self) -> Advisor:
        return Advisor(self._system.store, self._system.edge.policy, self._system.memory)

    async def pause(self, *, item: str | None = None, agent: str | None = None, reason: str = "") -> Pause:
        """Stop changes: all of them, or those of one access item or agent; runs wait. Needs the scope ``admin``.

        Raises:
            NotPermitted: the caller may not. InvalidRequest: no such item or agent.
        """
        self._check_open()
        return await self._system.switch.pause(self._caller, item=item, agent=agent, reason=reason)

    async def resume(self, *, item: str | None = None, agent: str | None = None) -> bool:
        """Let changes go on; False when they were not paused. Needs the scope ``admin``.

        Raises:
            NotPermitted: the caller may not. InvalidRequest: no such item or agent.
        """
        self._check_open()
        was_paused = await self._system.switch.resume(self._caller, item=item, agent=agent)
        self._dispatcher.wake()
        return was_paused

    async def pauses(self) -> list[Pause]:
        """What is paused, by whom and why."""
        return await self._system.switch.pauses()

    @property
    def audit(self) -> Auditor:
        """The audit: verified, read, and packed for an auditor."""
        return Auditor(self._system.store, self._system.keys.now, self._settings.data_dir / HEAD_FILE)

    async def breakers(self, *, closed: bool = False) -> list[Breaker]:
        """The breakers that hold runs, the oldest first; with ``closed`` those of the past, too."""
        return await self._system.breakers.all(closed=closed)

    async def close_breaker(self, breaker_id: int) -> Breaker:
        """Let go on what a breaker holds. Needs the scope ``admin``, and another caller than who tripped it.

        Raises:
            NotPermitted: the caller may not. NotFound: no such breaker. InvalidRequest: it is closed.
        """
        self._check_open()
        breaker = await self._system.breakers.close(self._caller, breaker_id)
        self._dispatcher.wake()
        return breaker
