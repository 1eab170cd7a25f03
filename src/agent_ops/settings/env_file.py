"""Writing an environment file that this program, and any other reader of such files, reads back as it was meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent_ops.domain.errors import ConfigurationError

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=~")


def write_env_file(path: Path, values: Mapping[str, str], heading: str) -> None:
    """Put the file in place whole, readable by its owner only. One that begins with the same heading is replaced.

    Args:
        path: where; its directory must exist.
        values: variables by name, none with a line break.
        heading: the first line's words, by which the file is known to be ours.

    Raises:
        ConfigurationError: another file is there, or a value cannot be written in one line.
    """
    first = f"# {heading}\n"
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(first):
        raise ConfigurationError(f"{path} exists and was not written here", "Name another file, or move it aside.")
    text = first + "".join(f"{name}={_quoted(name, value)}\n" for name, value in values.items())
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _quoted(name: str, value: str) -> str:
    """In single quotes nothing is expanded (https://pypi.org/project/python-dotenv, 'File format')."""
    if "\n" in value or "\r" in value or "\0" in value:
        raise ConfigurationError(f"{name} has a line break", "Give it in one line.")
    if all(character in _BARE for character in value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
