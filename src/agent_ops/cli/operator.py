"""Who gives a command: the operating-system user, with the scopes that the entitlement policy gives them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from agent_ops.domain.grants import SCOPES, Caller
from agent_ops.domain.policy import EntitlementPolicy

_EVERYBODY_ELSE = frozenset({"status"})


def operator(policy: EntitlementPolicy, data_dir: Path) -> Caller:
    """The user of this process as a caller.

    A policy without a table [callers] leaves everything to the owner of the data directory, who has the keys in it anyway;
    who makes the directory is its owner.
    """
    user = user_name()
    if policy.callers is not None:
        return Caller(f"os:{user}", policy.callers.get(user, frozenset()))
    return Caller(f"os:{user}", frozenset(SCOPES) if _owns(data_dir) else _EVERYBODY_ELSE)


def user_name() -> str:
    """The name of the process's real user, from the user database: no variable such as USER or SUDO_USER can say another.

    A container's user may have no name: then 'uid-' and the number.
    """
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def _owns(data_dir: Path) -> bool:
    """Whether the directory is the user's, or will be when it is made."""
    return not data_dir.exists() or data_dir.stat().st_uid == os.getuid()
