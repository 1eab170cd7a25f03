"""One Markdown file per prompt, read by name."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files


def prompt(name: str) -> str:
    """The text of ``prompts/NAME.md``."""
    return files(__package__).joinpath(f"{name}.md").read_text(encoding="utf-8")


@functools.cache
def version() -> str:
    """Eight hexadecimal digits that change whenever any prompt does: logs and traces of runs bear them."""
    found = sorted((file.name, file.read_bytes()) for file in files(__package__).iterdir() if file.name.endswith(".md"))
    return hashlib.sha256(repr(found).encode()).hexdigest()[:8]
