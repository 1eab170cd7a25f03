"""Keys with which programs come in by the REST service."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from agent_ops.domain.errors import NotAuthenticated
from agent_ops.domain.grants import Caller

LONGEST_DAYS = 3650
_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that is read as something else
_FORM = re.compile(rf"ao_([{_ID_ALPHABET}]{{10}})_([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True)
class ApiKey:
    """A key as it is stored: never its secret, of which ``digest`` is the SHA-256 in hex. Times are UTC.

    A secret has 256 random bits: a slow hash would make every request slow, and guessing no harder. Several keys may have
    one ``name``, so that one takes the place of another without downtime; ``id`` tells them apart and finds them.
    """

    id: str
    name: str
    scopes: frozenset[str]
    digest: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @property
    def caller(self) -> Caller:
        """Who comes in with it."""
        return Caller(f"key:{self.name}", self.scopes)

    def state(self, now: datetime) -> str:
        """In a word: active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "active"


def new_id_and_secret() -> tuple[str, str]:
    """Made at random: what finds a key, and what proves it."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(10)), secrets.token_urlsafe(32)


def written(key_id: str, secret: str) -> str:
    """The key as its holder gets and sends it."""
    return f"ao_{key_id}_{secret}"


def parts_of(text: str) -> tuple[str, str]:
    """Id and secret of a key as it was sent.

    Raises:
        NotAuthenticated: it has not the form of a key.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise NotAuthenticated("this is no API key")
    return found[1], found[2]


def digest_of(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def proves(secret: str, key: ApiKey | None) -> bool:
    """Whether the secret is the key's; it takes as long when there is no such key."""
    return hmac.compare_digest(digest_of(secret), key.digest if key else "0" * 64)
