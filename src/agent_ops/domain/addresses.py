"""Company addresses from names: a pure, endless, deterministic sequence of candidates.

Which candidate is free is not decided here: the ledger reserves one under a unique constraint, and the directory has
the last word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

from anyascii import anyascii

from agent_ops.domain.errors import InvalidRequest

MAX_LOCAL_PART = (
    48  # userPrincipalName: at most 64 before the @ (learn.microsoft.com/graph/api/resources/user); room for a suffix
)
RESERVED = frozenset(
    """abuse admin administrator billing bot contact daemon everyone finance ftp help hostmaster hr info it mail
    mailer-daemon marketing news nobody noc noreply no-reply null office operator owner postmaster root sales security
    spam ssl-admin staff support sysadmin system test usenet uucp webmaster www""".split()  # noqa: SIM905 - read as words
)


def candidates(name: str, domain: str) -> Iterator[str]:
    """Addresses for a person, best first: given.family@domain, then given.family2@domain, ... without end.

    Raises:
        InvalidRequest: when no letter of the name can be written in ASCII.
    """
    local = local_part(name)
    if local not in RESERVED:
        yield f"{local}@{domain}"
    for number in count(2):
        yield f"{local}{number}@{domain}"


def local_part(name: str) -> str:
    """given.family of a name in ASCII lower case; a mononym stays one word."""
    words = [word for word in (_ascii_word(part) for part in name.split()) if word]
    if not words:
        raise InvalidRequest("name", f"cannot be written in Latin letters: {name!r}", "Give a romanised name.")
    local = words[0] if len(words) == 1 else f"{words[0]}.{words[-1]}"
    return local[:MAX_LOCAL_PART].rstrip(".-")


def _ascii_word(word: str) -> str:
    ascii_word = anyascii(unicodedata.normalize("NFC", word)).lower()
    return re.sub(r"-+", "-", re.sub(r"[^a-z0-9-]", "", ascii_word)).strip("-")
