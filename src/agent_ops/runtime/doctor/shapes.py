"""What a setting's value must look like, as far as that can be told without asking anybody. An empty answer means: good."""

from __future__ import annotations

import os
import re
import ssl
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

import botocore.exceptions
import botocore.session

_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_ATTRIBUTE = re.compile(r"extensionAttribute([1-9]|1[0-5])")


def anything(value: str) -> str:
    return ""


def one_word(value: str) -> str:
    return "has a space or a slash in it" if re.search(r"[\s/\\]", value) else ""


def mail_address(value: str) -> str:
    return "" if _ADDRESS.fullmatch(value) else "is no mail address"


def sender(value: str) -> str:
    """An address, perhaps with a display name before it."""
    return mail_address(parseaddr(value)[1])


def https_url(value: str) -> str:
    return "" if _host(value, {"https"}) else "is no https URL"


def web_url(value: str) -> str:
    return "" if _host(value, {"http", "https"}) else "is no http or https URL"


def _host(value: str, schemes: set[str]) -> str | None:
    try:
        parts = urlsplit(value)
        return parts.hostname if parts.scheme in schemes and parts.port != 0 else None
    except ValueError:  # a port that is no number
        return None


def extension_attribute(value: str) -> str:
    return "" if _ATTRIBUTE.fullmatch(value) else "is none of extensionAttribute1 to extensionAttribute15"


def aws_region(value: str) -> str:
    """botocore knows the regions and how the names of future ones will look."""
    try:
        botocore.session.Session().get_partition_for_region(value)
    except (botocore.exceptions.UnknownRegionError, botocore.exceptions.InvalidRegionError):
        return "is no AWS region"
    return ""


def certificates(value: str) -> str:
    """A PEM file that holds at least one certificate."""
    try:
        ssl.create_default_context(cafile=value)
    except OSError as error:  # an SSLError is one, too
        return f"is no readable PEM file of certificates ({error.strerror or error})"
    return ""


def writable_file(value: str) -> str:
    """A file that is there or can be made; nothing is made here."""
    path = Path(value).absolute()
    if path.is_dir():
        return "is a directory"
    return writable_directory(str(path.parent)) if not path.exists() else _closed(path)


def writable_directory(value: str) -> str:
    """A directory that is there or can be made; nothing is made here."""
    path = Path(value).absolute()
    try:
        while not path.exists():
            path = path.parent
    except OSError as error:
        return f"cannot be used: {error.strerror}"
    return _closed(path) if path.is_dir() else f"cannot be used: {path} is no directory"


def _closed(path: Path) -> str:
    return "" if os.access(path, os.W_OK) else f"cannot be written by this user ({path})"
