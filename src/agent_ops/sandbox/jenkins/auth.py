"""Who calls, and whether a POST carries a crumb: basic authentication with an API token, sessions, CSRF protection.

Jenkins asks for a crumb on every POST, except when the request is authenticated with an API token
(https://www.jenkins.io/doc/book/security/csrf-protection/). See `Gate.require_crumb` for the stricter rule of the sandbox.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from agent_ops.sandbox.jenkins.controller import Controller
from agent_ops.sandbox.jenkins.pages import RefusedError, unauthorized

CRUMB_FIELD = "Jenkins-Crumb"
_COOKIE = "JSESSIONID.sandbox"
_LOGIN_PATHS = ("j_spring_security_check", "j_acegi_security_check")


@dataclass(frozen=True)
class Caller:
    """The user of a request, empty when anonymous, and how it was recognised."""

    user: str = ""
    by_token: bool = False
    session: str = ""


class Gate:
    """Recognises callers and makes and checks crumbs.

    ``require_crumb`` (default True) asks for a valid crumb on each POST, also from clients with an API token, which Jenkins
    itself lets through without: so that a client which forgets the crumb is found out. False gives the rule of Jenkins.
    """

    def __init__(self, controller: Controller, token: str) -> None:
        self.require_crumb = True
        self._controller = controller
        self.token = token
        self._sessions: dict[str, str] = {}  # session id -> the controller's session that it belongs to

    def identify(self, request: web.Request) -> Caller:
        """The caller by its Authorization header or else by its session cookie; wrong credentials are refused with 401."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            user, password = _decode(value)
            if not self._accepts(user, password):
                raise unauthorized(user)
            return Caller(user, by_token=True, session=self._session(request))
        session = self._session(request)
        return Caller(self._controller.user, session=session) if session else Caller()

    def is_login(self, path: str) -> bool:
        return path in _LOGIN_PATHS

    def login(self, form: Mapping[str, Any]) -> web.Response:
        """The login form. The sandbox has no passwords: the API token is taken in their place."""
        if not self._accepts(str(form.get("j_username", "")), str(form.get("j_password", ""))):
            return web.Response(status=302, headers={"Location": "/loginError"})
        session = secrets.token_hex(16)
        self._sessions[session] = self._controller.session
        response = web.Response(status=302, headers={"Location": "/"})
        response.set_cookie(_COOKIE, session, httponly=True, samesite="Lax")
        return response

    def crumb(self, caller: Caller) -> str:
        """The caller's crumb: bound to the user and to the session, which ends with the controller."""
        text = f"{caller.user};{caller.session or self._controller.session}"
        return hmac.new(self._controller.salt.encode(), text.encode(), hashlib.sha256).hexdigest()

    def check_crumb(self, request: web.Request, caller: Caller, form: Mapping[str, Any]) -> None:
        """Refuse a POST without a valid crumb in the header or in the form."""
        if caller.by_token and not self.require_crumb:
            return
        sent = request.headers.get(CRUMB_FIELD) or form.get(CRUMB_FIELD, "")
        known = caller.user and isinstance(sent, str) and hmac.compare_digest(sent.encode(), self.crumb(caller).encode())
        if not known:
            raise RefusedError(403, "No valid crumb was included in the request")

    def _accepts(self, user: str, password: str) -> bool:
        right_user = hmac.compare_digest(user.encode(), self._controller.user.encode())
        return hmac.compare_digest(password.encode(), self.token.encode()) and right_user

    def _session(self, request: web.Request) -> str:
        session = request.cookies.get(_COOKIE, "")
        return session if self._sessions.get(session) == self._controller.session else ""


def _decode(value: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise RefusedError(
            401, "Malformed HTTP basic Authorization header", {"WWW-Authenticate": 'Basic realm="Jenkins"'}
        ) from None
    user, _, password = text.partition(":")
    return user, password
