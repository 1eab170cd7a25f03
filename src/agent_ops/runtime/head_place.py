"""Where the audit's head lies: in the data directory, or where a symbolic link there says.

So every command that works in a data directory finds it, with or without settings.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from pathlib import Path

from agent_ops.domain.errors import ConfigurationError
from agent_ops.storage.head import HEAD_FILE


def place_head(data_dir: Path, place: Path | None) -> None:
    """Let the head lie at ``place``; one that lies elsewhere yet moves there. None leaves it where it is.

    Raises:
        ConfigurationError: it cannot be put there, or another head lies there already.
    """
    if place is None:
        return
    here, place = data_dir / HEAD_FILE, place.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    turn = os.open(data_dir, os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (here.is_symlink() and here.readlink() == place):
            _move(here, place)
    except OSError as error:
        raise ConfigurationError(f"AGENT_OPS_AUDIT_HEAD: {place} cannot be written: {error.strerror}") from error
    finally:
        os.close(turn)


def _move(here: Path, place: Path) -> None:
    if here.exists():
        if place.exists() and place.stat().st_size:
            raise ConfigurationError(
                f"AGENT_OPS_AUDIT_HEAD: {place} holds a head, and so does {here}",
                "Keep the one that `agent-ops audit verify --head` finds right, and move the other one away.",
            )
        place.touch(mode=0o600)
        shutil.copyfile(here, place)
    link = here.with_name(f"{HEAD_FILE}.{uuid.uuid4().hex}")
    link.symlink_to(place)
    link.replace(here)
