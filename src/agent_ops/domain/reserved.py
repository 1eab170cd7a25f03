"""Names that belong to systems and mailboxes: refused where they would lend authority, else never given as they stand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from agent_ops.domain.lookalikes import skeleton

ROLES = frozenset(  # no person has such a word in their name, in whatever position
    """admin administrador administrateur administrator administratoren administrators admins helpdesk hostmaster mailerdaemon
    noreply postmaster servicedesk superuser sysadmin webmaster""".split()  # noqa: SIM905 - read as words
)
AUTHORITIES = ROLES | frozenset(  # RFC 2142, and the accounts of systems: refused as a whole name, also cut in pieces
    """abuse contact daemon donotreply everyone guest hr itsupport noc nobody null operator root security support sysop
    system systemadministrator usenet uucp""".split()  # noqa: SIM905 - read as words
)
MAILBOXES = frozenset(  # refused as a whole name of one word; a name of several that spells one is numbered (Bill Ing)
    """billing bot careers ceo cfo compliance cto dns events facilities finance ftp help info it jobs legal list mail
    marketing news newsletter office owner payroll press privacy purchasing recruiting sales service spam ssladmin staff
    subscribe team test trouble unsubscribe user users web www""".split()  # noqa: SIM905 - read as words
)
RESERVED = AUTHORITIES | MAILBOXES


def why_reserved(words: tuple[str, ...], local_part: str) -> str | None:
    """Why a name of these ASCII words must not become an address; None when it may."""
    role = next((word for word in words if word.startswith("admin") or _lends_authority(word, ROLES)), None)
    if role:
        return f"has the word {role!r}, which is a role and no person's name"
    for spelling in map(bare, ("".join(words), local_part)):
        if _lends_authority(spelling, AUTHORITIES) or (len(words) == 1 and _is_mailbox(spelling)):
            return f"spells {spelling!r}, which is reserved for a system or a mailbox"
    return None


def is_reserved(local_part: str) -> bool:
    """Whether a local part, with or without its separators, is or looks like a reserved one."""
    return _lends_authority(local_part, AUTHORITIES) or _is_mailbox(local_part)


def bare(local_part: str) -> str:
    """Without what separates its words."""
    return local_part.replace(".", "").replace("-", "")


def _lends_authority(word: str, reserved: frozenset[str]) -> bool:
    return _strict_face(word) in _faces(reserved, _strict_face)


def _is_mailbox(word: str) -> bool:
    return _face(word) in _faces(MAILBOXES, _face)


@cache
def _faces(words: frozenset[str], face: Callable[[str], str]) -> frozenset[str]:
    return frozenset(map(face, words))


def _face(word: str) -> str:
    return skeleton(bare(word).casefold()).casefold()


def _strict_face(word: str) -> str:
    """With i and l as one, as they are in capitals: ADMlN is no name either."""
    return _face(word).replace("i", "l")
