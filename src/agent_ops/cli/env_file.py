"""An environment file that is changed in place: what is not ours to change stays as it is, to the letter."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from agent_ops.domain.errors import ConfigurationError

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=~")
_HEADING = "# Settings of Agent Ops, written by `agent-ops init`. `agent-ops doctor` examines them.\n"


class EnvFile:
    """One file, read once. Of a variable that stands in it twice the last one counts, as everywhere.

    Raises:
        ConfigurationError: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # a link stays a link
        self._text = self._read()
        self._bindings = tuple(parse_stream(io.StringIO(self._text)))

    @property
    def values(self) -> dict[str, str]:
        """The variables that are set in it."""
        return {binding.key: binding.value or "" for binding in self._bindings if binding.key and not binding.error}

    def changed(self, values: Mapping[str, str], sections: Iterable[tuple[str, Iterable[str]]]) -> str:
        """The file's text with these values; an empty one is written as empty where the file has it, and else left out.

        Args:
            sections: headings and their variables, for those that the file does not have yet.
        """
        mine = {name: value for name, value in values.items() if self.values.get(name) != value}
        last = {binding.key: index for index, binding in enumerate(self._bindings)}
        kept = [self._line(binding, mine, last[binding.key] == index) for index, binding in enumerate(self._bindings)]
        text = "".join(kept) or _HEADING
        new = {name: value for name, value in mine.items() if value and name not in self.values}
        for heading, names in sections:
            lines = "".join(f"{name}={_quoted(name, new[name])}\n" for name in names if name in new)
            text = f"{_ended(text)}\n# --- {heading}\n{lines}" if lines else text
        return text

    def write(self, text: str) -> bool:
        """Put the text in place whole, readable by its owner only. False when the file said so already."""
        try:
            if text == self._text and self._path.exists():
                self._path.chmod(0o600)
                return False
            draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be written: {error.strerror}", "Name another --file.") from error
        return True

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error}", "Name another --file.") from error

    def _line(self, binding: Binding, mine: Mapping[str, str], is_last: bool) -> str:
        original = binding.original.string
        if binding.key is None or binding.key not in mine:
            return original
        if not is_last:
            return ""
        before = original[: len(original) - len(original.lstrip())]  # blank lines belong to the binding after them
        export = "export " if original.lstrip().startswith("export ") else ""
        return f"{before}{export}{binding.key}={_quoted(binding.key, mine[binding.key])}\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _quoted(name: str, value: str) -> str:
    """In single quotes nothing is expanded (https://pypi.org/project/python-dotenv, 'File format')."""
    if any(sign in value for sign in "\n\r\0"):
        raise ConfigurationError(f"{name} has a line break", "Give it in one line.")
    if all(character in _BARE for character in value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
