"""Grants: sealed when made, verified whenever they are used."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent_ops.domain.errors import GrantInvalid
from agent_ops.domain.grants import Grant
from agent_ops.storage import Store
from agent_ops.storage.rows import dump


@dataclass(frozen=True)
class SealingKeys:
    """Keys by their ids. New grants are sealed with ``current``; the others only verify, until they are retired."""

    current: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SealingKeys(current={self.current!r})"


class GrantBook:
    """Seals grants, stores them once and gives them back only if the seal still holds."""

    def __init__(self, store: Store, keys: SealingKeys) -> None:
        self._store, self._keys = store, keys

    @property
    def key_id(self) -> str:
        """The key that new grants must name."""
        return self._keys.current

    def sealed(self, grant: Grant) -> Grant:
        """The grant with its seal."""
        return replace(grant, seal=self._mac(grant))

    async def load(self, run_id: str) -> Grant:
        """The verified grant of a run.

        Raises:
            GrantInvalid: when there is none, or when a byte of it was changed.
        """
        grant = await self._store.read(lambda tx: tx.runs.grant(run_id))
        if grant is None:
            raise GrantInvalid(f"run {run_id} has no grant")
        if grant.run_id != run_id or not hmac.compare_digest(grant.seal, self._mac(grant)):
            raise GrantInvalid(f"the grant of run {run_id} does not match its seal")
        return grant

    def _mac(self, grant: Grant) -> str:
        key = self._keys.keys.get(grant.key_id)
        if key is None:
            raise GrantInvalid(f"the grant of run {grant.run_id} names the unknown key {grant.key_id!r}")
        return hmac.new(key, dump(grant.body()).encode(), hashlib.sha256).hexdigest()
