"""Tools of the Confluence agent: all of them only read."""

from __future__ import annotations

from pydantic import Field

from agent_ops.tools.choices import NoChoice
from agent_ops.tools.read_tool import ReadTool

_NEEDS = "CONFLUENCE_BASE_URL, CONFLUENCE_USERNAME and CONFLUENCE_API_TOKEN, or Jira's for the same site"


class SpaceList(NoChoice):
    page: str = Field("", description="To read on: the next_page of the answer before.", max_length=2000)


class PageSearch(NoChoice):
    cql: str = Field(
        description='A query in CQL, such as: type = page AND space = ENG AND text ~ "deploy". Put values with spaces in double'
        ' quotes; dates as now("-7d"), for example lastmodified >= now("-7d").',
        min_length=3,
        max_length=1000,
    )
    limit: int = Field(25, description="At most so many results.", ge=1, le=25)
    page: str = Field("", description="To read on: the next_page of the answer before.", max_length=2000)


class PageChoice(NoChoice):
    page_id: str = Field(description="The page's id, a number that a search gives.", pattern=r"^[0-9]{1,19}$")
    page: str = Field("", description="To read a long page on: the next_page of the answer before.", pattern=r"^[0-9]{0,3}$")


list_spaces = ReadTool(
    name="list_spaces",
    description="The spaces that can be seen, with their keys and home pages.",
    args_schema=SpaceList,
    agent="confluence",
    question="spaces",
    needs=_NEEDS,
)

search_pages = ReadTool(
    name="search_pages",
    description="Pages that a CQL query means: id, title, space, last change, the beginning of the text.",
    args_schema=PageSearch,
    agent="confluence",
    question="search",
    needs=_NEEDS,
)

read_page = ReadTool(
    name="read_page",
    description="The text of a page by its id, a part at a time.",
    args_schema=PageChoice,
    agent="confluence",
    question="page",
    needs=_NEEDS,
)

TOOLS = (list_spaces, search_pages, read_page)
