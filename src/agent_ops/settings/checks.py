"""What a setting's value must be like. Each check returns the value as it is used, or raises ``ValueError`` in one line.

A line says what is wrong and what to do; it never repeats a value that may hold a secret. An empty value is not set.
"""

from __future__ import annotations

import os
import re
import ssl
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from agent_ops.domain.notices import is_plain_address
from agent_ops.effectors.message import address_of
from agent_ops.transport.routes import is_loopback

Check = Callable[[str], str]
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*", re.IGNORECASE
)
_SHORTEST_KEY, _FEWEST_CHARACTERS = 32, 10


def required(what: str, check: Check | None = None) -> Check:
    """The check, for a setting that must be there; ``what`` says where its value is found."""

    def checked(value: str) -> str:
        if not value:
            raise ValueError(f"is missing: {what}")
        return check(value) if check else value

    return checked


def optional(check: Check) -> Check:
    """The check, for a setting that may be left out."""
    return lambda value: check(value) if value else value


def tenant(value: str) -> str:
    """A tenant's id or one of its domains: client credentials belong to one tenant, ``common`` is none."""
    if not (_is_uuid(value) or ("." in value and _HOST.fullmatch(value))):
        raise ValueError(f"must be a tenant id (UUID) or one of the tenant's domains, not {value!r}")
    return value


def object_id(value: str) -> str:
    """An id of Entra's."""
    if not _is_uuid(value):
        raise ValueError(f"must be a UUID such as 00000000-0000-0000-0000-000000000000, not {value!r}")
    return value


def secure_url(value: str) -> str:
    """An https URL, or http on loopback; without a slash at its end."""
    parts = _split(value)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a plain URL: no user, password, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError(f"must be an https URL (http is for loopback only), not {value!r}")
    return value.rstrip("/")


def same_site(one: str, other: str) -> bool:
    """Whether two URLs lead to the same scheme, host and port."""
    return bool(other) and urlsplit(one)[:2] == urlsplit(other)[:2]


def proxy_url(value: str) -> str:
    """A proxy's URL; may hold a user and a password, so that it is not repeated."""
    if _split(value).scheme not in ("http", "https"):
        raise ValueError("must be the http or https URL of a proxy, such as http://proxy.acme.example:3128")
    return value


def mailbox(value: str) -> str:
    """One address, as mail servers take it."""
    if not is_plain_address(value):
        raise ValueError(f"must be one e-mail address such as it-desk@acme.example, not {value!r}")
    return value


def sender(value: str) -> str:
    """One address, perhaps with a display name before it."""
    try:
        address_of(value)
    except ValueError:
        raise ValueError(f"must be one e-mail address, perhaps as 'Name <name@acme.example>', not {value!r}") from None
    return value


def host(value: str) -> str:
    """A host name or address, without scheme and port."""
    if not (_HOST.fullmatch(value) or _is_ipv6(value)):
        raise ValueError(f"must be a host name or address, without scheme and port, not {value!r}")
    return value


def whole_number(lowest: int, highest: int) -> Check:
    """A number from lowest to highest."""

    def checked(value: str) -> str:
        if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
            raise ValueError(f"must be a whole number from {lowest} to {highest}, not {value!r}")
        return value

    return checked


def seconds(value: str) -> str:
    """A number of seconds, at most a day."""
    if not re.fullmatch(r"\d{1,5}(\.\d+)?", value) or float(value) > 86_400:
        raise ValueError(f"must be a number of seconds from 0 to 86400, not {value!r}")
    return value


def one_of(*words: str) -> Check:
    """One of some words, in any case."""

    def checked(value: str) -> str:
        found = next((word for word in words if word.lower() == value.lower()), None)
        if found is None:
            raise ValueError(f"must be one of {', '.join(words)}, not {value!r}")
        return found

    return checked


def matching(pattern: str, what: str) -> Check:
    """Text of a form that ``what`` describes."""

    def checked(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {what}, not {value!r}")
        return value

    return checked


def readable_file(value: str) -> str:
    """A file that can be read."""
    try:
        with Path(value).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"names {value!r}, which cannot be read: {error.strerror}") from None
    return value


def authorities(value: str) -> str:
    """A PEM file of certificate authorities."""
    readable_file(value)
    try:
        ssl.create_default_context(cafile=value)
    except (ssl.SSLError, ValueError):
        raise ValueError(f"names {value!r}, which holds no certificate in PEM form") from None
    return value


def writable_file(value: str) -> str:
    """A file that can be written, or made together with its directories."""
    path = Path(value)
    if path.is_dir():
        raise ValueError(f"names {value!r}, which is a directory")
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if nearest != path and not nearest.is_dir():
        raise ValueError(f"names {value!r}, but {str(nearest)!r} is no directory")
    if not os.access(nearest, os.W_OK):
        raise ValueError(f"names {value!r}, but {str(nearest)!r} cannot be written")
    return value


def directory(value: str) -> str:
    """A directory, there or not."""
    if Path(value).exists() and not Path(value).is_dir():
        raise ValueError(f"names {value!r}, which is no directory")
    return value


def present_directory(value: str) -> str:
    """A directory that is there."""
    if not Path(value).is_dir():
        raise ValueError(f"names {value!r}, which is no directory")
    return value


def strong(value: SecretStr) -> SecretStr:
    """A key that nobody guesses."""
    text = value.get_secret_value()
    if text and (len(text) < _SHORTEST_KEY or len(set(text)) < _FEWEST_CHARACTERS):
        raise ValueError(
            f"is too weak: use at least {_SHORTEST_KEY} random characters, such as"
            ' from python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    return value


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if not parts.hostname or port == 0 or any(character.isspace() for character in value):
        raise ValueError("is no URL")
    return parts


def _is_uuid(value: str) -> bool:
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def _is_ipv6(value: str) -> bool:
    return ":" in value and bool(re.fullmatch(r"[0-9a-fA-F:.]{2,45}", value))
