"""Company addresses from names: a pure, endless, deterministic sequence of candidates.

Which candidate is free is not decided here: the ledger reserves one under a unique constraint, and the directory has
the last word. docs/decisions/006-names-and-addresses.md has the rules and their reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.names import clean_name
from agent_ops.domain.parts import parts_of
from agent_ops.domain.reserved import RESERVED, is_reserved, why_reserved

__all__ = ["MAX_LOCAL_PART", "RESERVED", "candidates", "local_part"]

# userPrincipalName and mailNickname hold at most 64 characters before the @
# (learn.microsoft.com/graph/api/resources/user); the rest is room for a suffix.
MAX_LOCAL_PART = 48
_MAX_FAMILY = 24


def candidates(name: str, domain: str) -> Iterator[str]:
    """Addresses for a person, best first: given.family@domain, then given.family2@domain, ... without end.

    Raises:
        InvalidRequest: as `local_part` does.
    """
    local = local_part(name)
    if not is_reserved(local):
        yield f"{local}@{domain}"
    for number in count(2):
        if not is_reserved(f"{local}{number}"):
            yield f"{local}{number}@{domain}"


def local_part(name: str) -> str:
    """given.family of a name in ASCII lower case; a name of one word stays one word.

    Raises:
        InvalidRequest: when the name is refused (`clean_name`), cannot be written in ASCII, or is reserved.
    """
    parts = parts_of(clean_name(name))
    if not any(char.isalpha() for char in parts.given + parts.family):
        raise InvalidRequest("name", f"cannot be written in Latin letters: {name!r}", "Give a romanised name.")
    local = _within_bounds(parts.given, parts.family)
    if reason := why_reserved(parts.words, local):
        raise InvalidRequest("name", reason, "Give the person's full name.")
    return local


def _within_bounds(given: str, family: str) -> str:
    """A long name keeps something of both its parts."""
    if not family:
        return given[:MAX_LOCAL_PART].strip("-")
    given = given[: max(MAX_LOCAL_PART - _MAX_FAMILY, MAX_LOCAL_PART - len(family)) - 1].strip("-")
    return f"{given}.{family[: MAX_LOCAL_PART - len(given) - 1]}".strip("-")
