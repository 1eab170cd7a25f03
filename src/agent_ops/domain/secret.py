"""A text that goes to one person and nowhere else."""

from __future__ import annotations

from typing import NoReturn

from agent_ops.domain.errors import AgentOpsError


class Secret:
    """A secret that is handed over once. It shows nothing, and cannot be copied, pickled, compared or turned into JSON."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: str | None = text

    def take(self) -> str:
        """The text, which is forgotten here.

        Raises:
            AgentOpsError: it was taken before.
        """
        text, self._text = self._text, None
        if text is None:
            raise AgentOpsError("the secret was taken before", "It is handed over once: ask for a new one.")
        return text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never written")
