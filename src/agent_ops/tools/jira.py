"""Tools of the Jira agent: all of them only read."""

from __future__ import annotations

from pydantic import Field

from agent_ops.tools.choices import NoChoice
from agent_ops.tools.read_tool import ReadTool

_NEEDS = "JIRA_BASE_URL, JIRA_USERNAME and JIRA_API_TOKEN"


class IssueChoice(NoChoice):
    key: str = Field(description="The issue's key, such as OPS-12.", pattern=r"^[A-Za-z][A-Za-z0-9_]{1,19}-[0-9]{1,9}$")
    page: str = Field("", description="To read older comments: the next_page of the answer before.", pattern=r"^[0-9]{0,6}$")


class IssueSearch(NoChoice):
    jql: str = Field(
        description="A query in JQL with at least one restriction, such as: project = OPS AND updated >= -7d"
        " ORDER BY updated DESC. Put values with spaces or @ in double quotes; people by full name or e-mail address.",
        min_length=3,
        max_length=1000,
    )
    limit: int = Field(25, description="At most so many issues.", ge=1, le=25)
    page: str = Field("", description="To read on: the next_page of the answer before.", max_length=2000)


class ProjectSearch(NoChoice):
    query: str = Field("", description="A part of a key or name; empty for all.", max_length=80)
    page: str = Field("", description="To read on: the next_page of the answer before.", pattern=r"^[0-9]{0,6}$")


read_issue = ReadTool(
    name="read_issue",
    description="An issue by its key: summary, status, people, description and the newest comments.",
    args_schema=IssueChoice,
    agent="jira",
    question="issue",
    needs=_NEEDS,
)

search_issues = ReadTool(
    name="search_issues",
    description="Issues that a JQL query means: key, summary, status, assignee, priority, last change.",
    args_schema=IssueSearch,
    agent="jira",
    question="search",
    needs=_NEEDS,
)

list_projects = ReadTool(
    name="list_projects",
    description="The projects that can be seen, with their keys and numbers of issues.",
    args_schema=ProjectSearch,
    agent="jira",
    question="projects",
    needs=_NEEDS,
)

TOOLS = (read_issue, search_issues, list_projects)
