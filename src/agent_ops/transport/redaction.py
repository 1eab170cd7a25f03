"""The last line of defence against secrets in what is written: known values and known shapes are replaced.

Secrets are not written in the first place. This is for services that echo them in an error, a console or a refusal.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

T = TypeVar("T")
MASK = "[redacted]"
SHORTEST = 8
"""A shorter secret is not masked by its value: it may be an ordinary word."""
_LATEST = 128
_BLOCK = r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
_NAMES = (
    r"pass(?:word|wd|phrase)|client_?secret|secret_?(?:access_?)?key|client_assertion|api_?(?:key|token)"
    r"|(?:access|refresh|id|session|security)_?token|temporaryAccessPass"
)
_SHAPES = (  # every repetition that can begin anywhere is bounded, so that long texts take linear time
    re.compile(_BLOCK, re.DOTALL),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),  # a JWT (RFC 7519)
    re.compile(r"(?i)(?P<keep>\b(?:bearer|basic|negotiate)\s+)[\w.~+/=-]{8,}"),  # Authorization (RFC 9110, 11.6.2)
    re.compile(r"(?i)(?P<keep>\bAUTH (?:PLAIN|LOGIN|XOAUTH2) )\S+"),  # SMTP (RFC 4954)
    re.compile(
        r"(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,256}:)[^\s/@]{1,256}(?=@)"
    ),  # a password in a URL (RFC 3986, 3.2.1)
    re.compile(rf"""(?i)(?P<keep>(?<![a-z])(?:{_NAMES})\b\\?["']?\s*[:=]\s*\\?["']?)[^\s"'\\&,;}}<]{{4,}}"""),
)


class Redactor:
    """Knows secrets and blots them out. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, ...] = ()
        self._latest: deque[tuple[str, ...]] = deque(maxlen=_LATEST)
        self._known: tuple[str, ...] = ()  # both, put together when one changes and not at each text

    def keep(self, secrets: Iterable[str]) -> None:
        """Know these for as long as the process lives: the secrets in settings."""
        forms = {form for secret in secrets for form in _forms(secret)}
        with self._lock:
            self._kept = tuple(sorted({*self._kept, *forms}, key=len, reverse=True))
            self._put_together()

    def learn(self, secret: str) -> str:
        """Know one that was obtained or made meanwhile (a token, a password), among the latest 128; returns it."""
        forms = _forms(secret)
        with self._lock:
            if forms and forms not in self._latest:
                self._latest.append(forms)
                self._put_together()
        return secret

    def _put_together(self) -> None:
        self._known = (*self._kept, *(form for forms in self._latest for form in forms))

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        for shape in _SHAPES:
            text = shape.sub(_masked, text)
        return text

    def scrub(self, value: T) -> T:
        """A value of strings, numbers, containers and dataclasses, without secrets in any of its strings."""
        return self._scrubbed(value)  # type: ignore[no-any-return]

    def _scrubbed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean(value) if type(value) is str else value  # an enum's members are words of ours
        if isinstance(value, dict):
            return {self._scrubbed(key): self._scrubbed(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return type(value)(self._scrubbed(item) for item in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = [field.name for field in dataclasses.fields(value) if field.init]
            return dataclasses.replace(value, **{name: self._scrubbed(getattr(value, name)) for name in fields})
        return value


def _masked(found: re.Match[str]) -> str:
    return f"{found.groupdict().get('keep') or ''}{MASK}"


def _forms(secret: str) -> tuple[str, ...]:
    """A secret as it stands, and as it stands in URLs, forms, JSON and Base64."""
    if len(secret) < SHORTEST:
        return ()
    raw = secret.encode()
    written = (quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1])
    coded = (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode())
    return tuple(dict.fromkeys((secret, *written, *coded)))


redactor = Redactor()
"""The process's own: logs are the process's too."""
