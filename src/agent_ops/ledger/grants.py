"""Grants: sealed when made, verified whenever they are used."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import GrantInvalid, PlanInvalid
from agent_ops.domain.grants import Grant
from agent_ops.domain.plans import Plan
from agent_ops.domain.runs import Request
from agent_ops.storage import Transactions, Tx
from agent_ops.storage.rows import dump

_KEPT = 1024  # verified grants: more than a process drives at a time


@dataclass(frozen=True)
class SealingKeys:
    """Keys by their ids. New grants are sealed with ``current``; the others only verify, until they are retired."""

    current: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SealingKeys(current={self.current!r})"

    def mac(self, key_id: str, body: dict[str, Any]) -> str | None:
        """HMAC-SHA-256 of a JSON object under the named key; None when there is no such key."""
        key = self.keys.get(key_id)
        return hmac.new(key, dump(body).encode(), hashlib.sha256).hexdigest() if key is not None else None


class GrantBook:
    """Seals grants, stores them once and gives them back only if the seal still holds."""

    def __init__(self, store: Transactions, keys: SealingKeys | Callable[[], SealingKeys]) -> None:
        self._store, self._source = store, keys
        self._verified: dict[tuple[str, str, str], tuple[Grant, bytes]] = {}

    @property
    def _keys(self) -> SealingKeys:
        return self._source() if callable(self._source) else self._source

    @property
    def key_id(self) -> str:
        """The key that new grants must name."""
        return self._keys.current

    def sealed(self, grant: Grant) -> Grant:
        """The grant with its seal."""
        return replace(grant, seal=self._mac(grant))

    def of_request(self, request: Request, key_id: str | None = None) -> str:
        """A keyed hash of a request; by the current key unless another is named. Empty when there is no such key."""
        keys = self._keys
        return keys.mac(key_id or keys.current, {"request": request.to_json()}) or ""

    def is_for(self, grant: Grant, request: Request | None, profile: Profile) -> bool:
        """Whether an employee's stored request and profile are those that the grant was made for."""
        if not grant.request:  # made before grants said so
            return True
        stored = self.of_request(request, grant.key_id) if request is not None and request.profile == profile else ""
        return hmac.compare_digest(grant.request, stored)

    async def load(self, run_id: str) -> Grant:
        """The verified grant of a run.

        Raises:
            GrantInvalid: when there is none, or when a byte of it was changed.
        """
        return await self._store.read(lambda tx: self.of_run(tx, run_id))

    def of_run(self, tx: Tx, run_id: str) -> Grant:
        """:meth:`load` within a transaction. The row is read every time; bytes that were verified by a key need not be again.

        Raises:
            GrantInvalid: as :meth:`load`.
        """
        stored = tx.runs.sealed_body(run_id)
        if stored is None:
            raise GrantInvalid(f"run {run_id} has no grant")
        bytes_of_it = (run_id, *stored)
        grant, key = self._verified.get(bytes_of_it, (None, b""))
        if grant is not None and self._keys.keys.get(grant.key_id) == key:
            return grant
        grant = Grant.from_body(json.loads(stored[0]), stored[1])
        if grant.run_id != run_id or not hmac.compare_digest(grant.seal, self._mac(grant)):
            raise GrantInvalid(f"the grant of run {run_id} does not match its seal")
        if len(self._verified) >= _KEPT:
            self._verified.clear()
        self._verified[bytes_of_it] = (grant, self._keys.keys[grant.key_id])
        return grant

    def over(self, store: Transactions) -> GrantBook:
        """The same keys over another store."""
        return GrantBook(store, self._source)

    def sealed_plan(self, plan: Plan) -> Plan:
        """The plan with its seal, under the current key."""
        keys = self._keys
        plan = replace(plan, key_id=keys.current)
        return plan.sealed(keys.mac(plan.key_id, plan.body()) or "")

    def verify_plan(self, plan: Plan) -> None:
        """Refuse a plan that this installation did not make, or that was altered since.

        Raises:
            PlanInvalid: saying so.
        """
        mac = self._keys.mac(plan.key_id, plan.body())
        if mac is None:
            raise PlanInvalid(f"the plan names the unknown key {plan.key_id!r}: it was made elsewhere, or long ago")
        if not hmac.compare_digest(plan.seal.encode(), mac.encode()):
            raise PlanInvalid("the plan does not match its seal: it was changed since it was made, or made elsewhere")

    def _mac(self, grant: Grant) -> str:
        mac = self._keys.mac(grant.key_id, grant.body())
        if mac is None:
            raise GrantInvalid(f"the grant of run {grant.run_id} names the unknown key {grant.key_id!r}")
        return mac
