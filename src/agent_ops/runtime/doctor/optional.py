"""What is not needed for onboarding: said to be configured or not, without asking anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import Examination
from agent_ops.runtime.doctor.lines import Line, Verdict, works


def _configured(purpose: str, *ways: tuple[str, ...]) -> Callable[[Examination], Awaitable[Sequence[Line]]]:
    """A probe that looks whether all variables of one of the ways are set."""

    async def probe(exam: Examination) -> Sequence[Line]:
        for way in ways:
            if all(exam.configured.values.get(name) for name in way):
                return [works(f"configured ({', '.join(way)}); it is not tried here")]
        wanted = " or ".join(", ".join(way) for way in ways)
        return [Line(Verdict.NOT_CONFIGURED, purpose, f"Optional: set {wanted}.")]

    return probe


CHECKS = (
    Check("model", "model key", _configured("the built-in rules plan", ("OPENAI_API_KEY",), ("CURSOR_API_KEY",))),
    Check("GitHub", "GitHub token", _configured("nothing is read from GitHub", ("GITHUB_TOKEN",))),
    Check("Jira", "Jira token", _configured("nothing is read from Jira", ("JIRA_BASE_URL", "JIRA_USERNAME", "JIRA_API_TOKEN"))),
)
