"""API keys: made, listed, revoked, and known again when somebody comes in with one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from agent_ops.domain.api_keys import LONGEST_DAYS, ApiKey, digest_of, new_id_and_secret, parts_of, proves, written
from agent_ops.domain.errors import InvalidRequest, NotAuthenticated, NotFound, NotPermitted
from agent_ops.domain.grants import CALLER_NAME, SCOPES, Caller
from agent_ops.domain.secret import Secret
from agent_ops.storage import Store, Tx

SCOPE = "admin"


@dataclass(frozen=True)
class ApiKeyBook:
    """The keys of one installation."""

    store: Store

    async def create(self, caller: Caller, name: str, scopes: Iterable[str], days: int) -> tuple[ApiKey, Secret]:
        """A new key, whose text is in the answer and nowhere else.

        Args:
            name: who will come in with it; several keys may have one name.
            scopes: what it lets its holder do, at most what the caller may do.
            days: after which it opens nothing any more.

        Raises:
            NotPermitted: the caller lacks the scope, or would give more than they have.
            InvalidRequest: a name, scope or number that there cannot be.
        """
        given = _checked(caller, name, frozenset(scopes), days)
        key_id, secret = new_id_and_secret()
        now = datetime.now(timezone.utc)
        key = ApiKey(key_id, name, given, digest_of(secret), caller.name, now, now + timedelta(days=days))

        def work(tx: Tx) -> None:
            tx.api_keys.insert(key)
            tx.logs.audit("api_key_created", "", caller.name, item=key_id)

        await self.store.transaction(work)
        return key, Secret(written(key_id, secret))

    async def all(self) -> list[ApiKey]:
        """Every key there ever was, the oldest first."""
        return await self.store.read(lambda tx: tx.api_keys.all())

    async def revoke(self, caller: Caller, key_id: str) -> ApiKey:
        """Let a key open nothing any more, from the next request on.

        Raises:
            NotPermitted: the caller lacks the scope. NotFound: no such key.
        """
        caller.require(SCOPE)

        def work(tx: Tx) -> ApiKey:
            if tx.api_keys.get(key_id) is None:
                raise NotFound(f"there is no API key {key_id!r}", "See `agent-ops token list` for those that there are.")
            tx.api_keys.revoke(key_id)
            tx.logs.audit("api_key_revoked", "", caller.name, item=key_id)
            revoked = tx.api_keys.get(key_id)
            assert revoked is not None  # noqa: S101 - keys are never removed
            return revoked

        return await self.store.transaction(work)

    async def caller_of(self, text: str) -> Caller:
        """Who comes in with this key.

        Raises:
            NotAuthenticated: it is none, or opens nothing any more.
        """
        key_id, secret = parts_of(text)
        key = await self.store.read(lambda tx: tx.api_keys.get(key_id))
        if not proves(secret, key) or key is None:
            raise NotAuthenticated("this API key is unknown")
        if (state := key.state(datetime.now(timezone.utc))) != "active":
            raise NotAuthenticated(f"this API key is {state}")
        return key.caller


def _checked(caller: Caller, name: str, scopes: frozenset[str], days: int) -> frozenset[str]:
    caller.require(SCOPE)
    if not CALLER_NAME.fullmatch(name):
        raise InvalidRequest("name", f"{name!r} is no name of a caller: no spaces, no colon")
    if unknown := sorted(scopes - set(SCOPES)):
        raise InvalidRequest("scope", f"there is no {unknown[0]!r}", f"Use of: {', '.join(SCOPES)}.")
    if not scopes:
        raise InvalidRequest("scope", "is missing", f"Name one or more of: {', '.join(SCOPES)}.")
    if beyond := sorted(scopes - caller.scopes):
        raise NotPermitted(f"{caller.name} lacks the scope {beyond[0]!r}, and cannot give it")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidRequest("days", f"must be 1 to {LONGEST_DAYS}")
    return scopes
