"""Temporary Access Passes: how a new hire signs in the first time without a password.

https://learn.microsoft.com/graph/api/resources/temporaryaccesspassauthenticationmethod
The pass itself is shown once, in the answer to its creation, and kept nowhere.
"""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.directory import TWIN, Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import bad_request, invalid_value, not_found
from agent_ops.sandbox.entra.http import Gate, answer, no_content, read_object
from agent_ops.sandbox.entra.moments import normal_moment, timestamp
from agent_ops.sandbox.entra.views import Views
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import changed

_KIND, _RESOURCE = "access_pass", "TemporaryAccessPassAuthenticationMethod"
_EDM_TYPE = "microsoft.graph.temporaryAccessPassAuthenticationMethod"
_SHORTEST, _LONGEST, _USUAL = 10, 43_200, 60
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789+@#&"
_FIELDS = frozenset({"startDateTime", "lifetimeInMinutes", "isUsableOnce"})


class AccessPasses:
    """Routes below ``/users/{id}/authentication/temporaryAccessPassMethods``; a user has one pass at most."""

    def __init__(self, directory: Directory, records: Records, views: Views, gate: Gate) -> None:
        self._directory, self._records, self._views, self._gate = directory, records, views, gate
        self._passes = records.all(TWIN, _KIND)

    def routes(self) -> list[web.RouteDef]:
        root, guard = "/v1.0/users/{key}/authentication/temporaryAccessPassMethods", self._gate.guard
        return [
            web.get(root, guard(self.list, permissions.METHODS_READ)),
            web.post(root, guard(self.create, permissions.METHODS_WRITE)),
            web.get(root + "/{id}", guard(self.get, permissions.METHODS_READ)),
            web.delete(root + "/{id}", guard(self.delete, permissions.METHODS_WRITE)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        kept = self._passes.get(user.id)
        return self._views.fixed_list(self._context(user), [_shown(kept)] if kept else [])

    async def create(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        kept = _new_pass(await read_object(request, empty=True))
        self._passes[user.id] = kept
        self._records.put(TWIN, _KIND, user.id, kept)
        changed(request, "entra.access_pass", id=kept["id"], user=user.id)
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        context = f"{self._views.root}/$metadata#{self._context(user)}/$entity"
        return answer({"@odata.context": context, **_shown(kept), "temporaryAccessPass": secret}, status=201)

    async def get(self, request: web.Request) -> web.StreamResponse:
        user, kept = self._found(request)
        context = f"{self._views.root}/$metadata#{self._context(user)}/$entity"
        return answer({"@odata.context": context, **_shown(kept)})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        user, kept = self._found(request)
        del self._passes[user.id]
        self._records.delete(TWIN, _KIND, user.id)
        changed(request, "entra.access_pass.delete", id=kept["id"], user=user.id)
        return no_content()

    def _user(self, request: web.Request) -> Entry:
        key = request.match_info["key"]
        user = self._directory.user(key)
        if user is None:
            raise not_found(key)
        return user

    def _found(self, request: web.Request) -> tuple[Entry, dict[str, Any]]:
        user, key = self._user(request), request.match_info["id"]
        kept = self._passes.get(user.id)
        if kept is None or kept["id"] != key.lower():
            raise not_found(key)
        return user, kept

    def _context(self, user: Entry) -> str:
        return f"users('{user.id}')/authentication/temporaryAccessPassMethods"


def _new_pass(body: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name, value in body.items() if not name.startswith("@odata.")}
    unknown = sorted(set(wanted) - _FIELDS)
    if unknown:
        raise bad_request(f"The property '{unknown[0]}' does not exist on type '{_EDM_TYPE}'.")
    minutes, once, start = (wanted.get(name) for name in ("lifetimeInMinutes", "isUsableOnce", "startDateTime"))
    lifetime = _USUAL if minutes is None else minutes
    if type(lifetime) is not int or not _SHORTEST <= lifetime <= _LONGEST:
        raise invalid_value("lifetimeInMinutes", _RESOURCE)
    if once not in (None, True, False):
        raise invalid_value("isUsableOnce", _RESOURCE)
    now = timestamp(time.time())
    return {
        "id": str(uuid.uuid4()),
        "createdDateTime": now,
        "startDateTime": now if start is None else _start(start),
        "lifetimeInMinutes": lifetime,
        "isUsableOnce": bool(once),
    }


def _start(value: Any) -> str:
    moment = normal_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise invalid_value("startDateTime", _RESOURCE)
    return moment


def _shown(kept: dict[str, Any]) -> dict[str, Any]:
    """Read back, the pass itself is null."""
    reason = "NotYetValid" if kept["startDateTime"] > timestamp(time.time()) else "EnabledByPolicy"
    return {**kept, "isUsable": reason == "EnabledByPolicy", "methodUsabilityReason": reason, "temporaryAccessPass": None}
