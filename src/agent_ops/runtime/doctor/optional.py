"""What is not needed for onboarding: said to be configured or not; only Jira, where approvals lie, is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from agent_ops.domain.errors import AccessRefused, ServiceError
from agent_ops.readers.jira import JiraReader
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import PROBE_SECONDS, Examination
from agent_ops.runtime.doctor.lines import Line, Verdict, works, wrong
from agent_ops.runtime.doctor.reach import unreachable, words


def _configured(purpose: str, *ways: tuple[str, ...]) -> Callable[[Examination], Awaitable[Sequence[Line]]]:
    """A probe that looks whether all variables of one of the ways are set."""

    async def probe(exam: Examination) -> Sequence[Line]:
        for way in ways:
            if all(exam.configured.values.get(name) for name in way):
                return [works(f"configured ({', '.join(way)}); it is not tried here")]
        wanted = " or ".join(", ".join(way) for way in ways)
        return [Line(Verdict.NOT_CONFIGURED, purpose, f"Optional: set {wanted}.")]

    return probe


_not_configured = _configured("nothing is read from Jira", ("JIRA_BASE_URL", "JIRA_USERNAME", "JIRA_API_TOKEN"))


async def _jira(exam: Examination) -> Sequence[Line]:
    """Whether Jira lets us in, when it is configured."""
    config = exam.settings.jira
    if config is None:
        return await _not_configured(exam)
    reader = JiraReader(replace(config, timeout=PROBE_SECONDS / 2, deadline=PROBE_SECONDS))
    exam.stack.push_async_callback(reader.close)
    try:
        return [works(f"{config.url} as {await reader.myself()}")]
    except AccessRefused as error:
        return [wrong(f"{config.url} refuses us: {words(error)}", "Make a new API token for JIRA_USERNAME.", "JIRA_API_TOKEN")]
    except ServiceError as error:
        return [unreachable(error, "JIRA_BASE_URL", config.url)]


CHECKS = (
    Check("model", "model key", _configured("the built-in rules plan", ("OPENAI_API_KEY",), ("CURSOR_API_KEY",))),
    Check("GitHub", "GitHub token", _configured("nothing is read from GitHub", ("GITHUB_TOKEN",))),
    Check("Jira", "Jira token", _jira, needs=("JIRA_BASE_URL",)),
)
