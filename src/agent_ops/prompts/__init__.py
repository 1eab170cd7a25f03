"""One Markdown file per prompt, read by name."""

from __future__ import annotations

from importlib.resources import files


def prompt(name: str) -> str:
    """The text of ``prompts/NAME.md``."""
    return files(__package__).joinpath(f"{name}.md").read_text(encoding="utf-8")
