"""What is not needed for onboarding: said to be configured or not; services that are only read are asked who we are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from agent_ops.domain.errors import AccessRefused, ServiceError
from agent_ops.readers.confluence import ConfluenceReader
from agent_ops.readers.github import GithubReader
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


_CONFLUENCE = ("CONFLUENCE_BASE_URL", "CONFLUENCE_USERNAME", "CONFLUENCE_API_TOKEN")
_no_confluence = _configured("nothing is read from Confluence", _CONFLUENCE)


async def _confluence(exam: Examination) -> Sequence[Line]:
    """Whether Confluence lets us in. At Jira's site, where it was not asked for, it may as well not be."""
    config = exam.settings.confluence
    if config is None:
        return await _no_confluence(exam)
    given = bool(exam.configured.values.get("CONFLUENCE_BASE_URL"))
    reader = ConfluenceReader(replace(config, timeout=PROBE_SECONDS / 2, deadline=PROBE_SECONDS))
    exam.stack.push_async_callback(reader.close)
    try:
        return [works(f"{config.root} as {await reader.myself()}")]
    except AccessRefused as error:
        token = "CONFLUENCE_API_TOKEN" if exam.configured.values.get("CONFLUENCE_API_TOKEN") else "JIRA_API_TOKEN"
        remedy = f"Check that the account may use Confluence, or make a new API token for {token}."
        return [wrong(f"{config.root} refuses us: {words(error)}", remedy, token)]
    except ServiceError as error:
        if error.status == 404 and not given:
            return [Line(Verdict.NOT_CONFIGURED, "there is no Confluence at JIRA_BASE_URL", "Optional: set CONFLUENCE_BASE_URL.")]
        return [unreachable(error, "CONFLUENCE_BASE_URL" if given else "JIRA_BASE_URL", config.root)]


_no_github = _configured("nothing is read from GitHub", ("GITHUB_TOKEN",))


async def _github(exam: Examination) -> Sequence[Line]:
    """Whether GitHub knows the token, when there is one."""
    config = exam.settings.github
    if config is None:
        return await _no_github(exam)
    reader = GithubReader(replace(config, timeout=PROBE_SECONDS / 2, deadline=PROBE_SECONDS))
    exam.stack.push_async_callback(reader.close)
    try:
        return [works(f"{config.url} as {await reader.myself()}")]
    except AccessRefused as error:
        return [wrong(f"{config.url} refuses us: {words(error)}", error.advice, "GITHUB_TOKEN")]
    except ServiceError as error:
        return [unreachable(error, "GITHUB_BASE_URL", config.url)]


CHECKS = (
    Check("GitHub", "GitHub token", _github, needs=("GITHUB_BASE_URL",)),
    Check("Jira", "Jira token", _jira, needs=("JIRA_BASE_URL",)),
    Check("Confluence", "Confluence token", _confluence, needs=("CONFLUENCE_BASE_URL",)),
)
