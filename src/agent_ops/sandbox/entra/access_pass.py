"""Temporary Access Passes: how a new hire signs in the first time without a password.

https://learn.microsoft.com/graph/api/resources/temporaryaccesspassauthenticationmethod
The pass itself is shown once, in the answer to its creation, and kept nowhere. What else a user has registered is here, too:
https://learn.microsoft.com/graph/api/authentication-list-methods
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.conditions import ConditionStore
from agent_ops.sandbox.entra.directory import TWIN, Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import GraphError, bad_request, invalid_value, not_found
from agent_ops.sandbox.entra.http import Gate, answer, no_content, read_object
from agent_ops.sandbox.entra.moments import normal_moment, timestamp
from agent_ops.sandbox.entra.views import Views
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import changed

_KIND, _RESOURCE = "access_pass", "TemporaryAccessPassAuthenticationMethod"
_EDM_TYPE = "microsoft.graph.temporaryAccessPassAuthenticationMethod"
_METHODS, _PASSWORD_ID = "methods", "28c10230-6103-485e-b985-444c60001490"  # the same for every user
_BY_POLICY = (
    "Converged UserCredentialPolicy does not allow creating or updating this authentication method."
    " AuthMethodType [TemporaryAccessPass]."
)
_SHORTEST, _LONGEST, _USUAL = 10, 43_200, 60
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789+@#&"
_FIELDS = frozenset({"startDateTime", "lifetimeInMinutes", "isUsableOnce"})


class AccessPasses:
    """Routes below ``/users/{id}/authentication/temporaryAccessPassMethods``; a user has one pass at most."""

    def __init__(self, directory: Directory, records: Records, conditions: ConditionStore, views: Views, gate: Gate) -> None:
        self._directory, self._records, self._views, self._gate = directory, records, views, gate
        self._conditions = conditions
        self._passes, self._registered = records.all(TWIN, _KIND), records.all(TWIN, _METHODS)

    def routes(self) -> list[web.RouteDef]:
        methods, guard = "/v1.0/users/{key}/authentication/methods", self._gate.guard
        root = "/v1.0/users/{key}/authentication/temporaryAccessPassMethods"
        return [
            web.get(methods, guard(self.methods, permissions.METHODS_READ)),
            web.get(root, guard(self.list, permissions.METHODS_READ)),
            web.post(root, guard(self.create, permissions.METHODS_WRITE)),
            web.get(root + "/{id}", guard(self.get, permissions.METHODS_READ)),
            web.delete(root + "/{id}", guard(self.delete, permissions.METHODS_WRITE)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        return self._views.fixed_list(self._context(user), [*self._listed(user)])

    async def methods(self, request: web.Request) -> web.StreamResponse:
        """Every method of a user, each with its type; a password is one that everybody has."""
        user = self._user(request)
        password = {"@odata.type": "#microsoft.graph.passwordAuthenticationMethod", "id": _PASSWORD_ID, "password": None}
        passes = [{"@odata.type": f"#{_EDM_TYPE}", **shown} for shown in self._listed(user)]
        others = list(self._registered.get(user.id, {}).get("methods", []))
        return self._views.fixed_list(f"users('{user.id}')/authentication/methods", [password, *passes, *others])

    async def create(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        kept = _new_pass(await read_object(request, empty=True))
        self._check_policy(kept)
        self._passes[user.id] = kept
        self._records.put(TWIN, _KIND, user.id, kept)
        changed(request, "entra.access_pass", id=kept["id"], user=user.id)
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        context = f"{self._views.root}/$metadata#{self._context(user)}/$entity"
        return answer({"@odata.context": context, **self._shown(kept), "temporaryAccessPass": secret}, status=201)

    async def get(self, request: web.Request) -> web.StreamResponse:
        user, kept = self._found(request)
        context = f"{self._views.root}/$metadata#{self._context(user)}/$entity"
        return answer({"@odata.context": context, **self._shown(kept)})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        user, kept = self._found(request)
        del self._passes[user.id]
        self._records.delete(TWIN, _KIND, user.id)
        changed(request, "entra.access_pass.delete", id=kept["id"], user=user.id)
        return no_content()

    def befall(self, key: str, event: str) -> None:
        """What a person or time does: ``used`` (signed in with the pass), ``expired``, ``signed_in``, or the kind of a method
        that is registered."""
        user = self._directory.user(key)
        if user is None:
            raise not_found(key)
        if event in ("used", "signed_in"):
            user.properties["signInActivity"] = {"lastSignInDateTime": timestamp(time.time())}
            self._directory.users.save(user)
        if event == "signed_in":
            return
        if event in ("used", "expired"):
            self._passes[user.id] = {**self._passes[user.id], event: True}
            self._records.put(TWIN, _KIND, user.id, self._passes[user.id])
            return
        kept = self._registered.setdefault(user.id, {"methods": []})
        kept["methods"].append({"@odata.type": f"#microsoft.graph.{event}", "id": str(uuid.uuid4())})
        self._records.put(TWIN, _METHODS, user.id, kept)

    def _listed(self, user: Entry) -> Sequence[dict[str, Any]]:
        kept = self._passes.get(user.id)
        return [self._shown(kept)] if kept and self._views.old_enough()(kept["born"]) else []

    def _shown(self, kept: dict[str, Any]) -> dict[str, Any]:
        """Read back, the pass itself is null."""
        reason = _reason(kept, self._conditions.now.passes_enabled)
        shown = {name: value for name, value in kept.items() if name not in ("born", "used", "expired")}
        usable = {"isUsable": reason == "EnabledByPolicy", "methodUsabilityReason": reason}
        return {**shown, **usable, "temporaryAccessPass": None}

    def _check_policy(self, kept: dict[str, Any]) -> None:
        """The tenant's policy of the method: github.com/MicrosoftDocs/azure-docs/issues/111778 has its words."""
        now = self._conditions.now
        if not now.passes_enabled:
            raise GraphError(403, "accessDenied", _BY_POLICY)
        if not now.pass_minutes_least <= kept["lifetimeInMinutes"] <= now.pass_minutes_most:
            raise invalid_value("lifetimeInMinutes", _RESOURCE)
        if now.passes_only_once and not kept["isUsableOnce"]:
            raise invalid_value("isUsableOnce", _RESOURCE)

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
        "born": time.time(),
    }


def _start(value: Any) -> str:
    moment = normal_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise invalid_value("startDateTime", _RESOURCE)
    return moment


def _reason(kept: dict[str, Any], enabled: bool) -> str:
    """Graph's methodUsabilityReason."""
    ends = datetime.fromisoformat(kept["startDateTime"].replace("Z", "+00:00")) + timedelta(minutes=kept["lifetimeInMinutes"])
    reasons = {
        "DisabledByPolicy": not enabled,
        "OneTimeUsed": bool(kept.get("used")) and kept["isUsableOnce"],
        "Expired": bool(kept.get("expired")) or ends < datetime.now(timezone.utc),
        "NotYetValid": kept["startDateTime"] > timestamp(time.time()),
    }
    return next((reason for reason, holds in reasons.items() if holds), "EnabledByPolicy")
