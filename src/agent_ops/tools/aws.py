"""Tools of the AWS agent: all of them only read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agent_ops.tools.choices import NoChoice
from agent_ops.tools.read_tool import ReadTool

_NEEDS = "AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_BUCKET = Field(description="A bucket's name.", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_KEY = Field(description="An object's whole key.", min_length=1, max_length=1024)
_PAGE = Field("", description="next_page of the same question, to read on.", max_length=2048)
_STATES = Literal["", "pending", "running", "shutting-down", "terminated", "stopping", "stopped"]


class Page(NoChoice):
    """All of it, a page at a time."""

    page: str = _PAGE


class Listing(Page):
    """Which objects of a bucket."""

    bucket: str = _BUCKET
    prefix: str = Field("", description="What their keys begin with.", max_length=1024)
    changed_since: str = Field("", description="Only those changed since, such as 2026-03-01T00:00:00Z.", max_length=40)


class Bucket(NoChoice):
    """One bucket."""

    bucket: str = _BUCKET


class Object(Bucket):
    """One object."""

    key: str = _KEY


class Text(Object):
    """A piece of an object's text."""

    page: str = _PAGE


class Machines(Page):
    """Which machines."""

    instance_id: str = Field("", description="One machine: its id.", pattern=r"^(i-[0-9a-f]{8,17})?$")
    state: _STATES = Field("", description="Only those in this state.")
    tag: str = Field("", description="Only those with this tag.", max_length=128)
    tag_value: str = Field("", description="... and this value of it.", max_length=256)


class Groups(Page):
    """Which security groups."""

    group_id: str = Field("", description="One group: its id.", pattern=r"^(sg-[0-9a-f]{8,17})?$")
    open_to_world: bool = Field(False, description="Only those that let anybody on the Internet in.")


def _tool(name: str, question: str, description: str, choices: Any) -> ReadTool:
    return ReadTool(name=name, description=description, args_schema=choices, agent="aws", question=question, needs=_NEEDS)


TOOLS = (
    _tool("list_buckets", "buckets", "S3 buckets of the account.", Page),
    _tool("list_objects", "objects", "Objects of a bucket by key, all or those changed since a time.", Listing),
    _tool("object_facts", "object_facts", "Size, type, time of change and metadata of an S3 object.", Object),
    _tool("object_text", "object_text", "Text of an S3 object, a piece at a time.", Text),
    _tool("public_access", "public_access", "Whether a bucket is public, and by what.", Bucket),
    _tool("list_instances", "instances", "EC2 machines with state, type, tags and security groups.", Machines),
    _tool("security_groups", "security_groups", "EC2 security groups: what they let in, and whether from anywhere.", Groups),
)
