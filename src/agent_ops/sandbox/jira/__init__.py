"""The Jira Cloud site of the sandbox: REST v3 on the loopback, which unmodified clients cannot tell from a real one.

https://developer.atlassian.com/cloud/jira/platform/rest/v3. Issues come from the sandbox's control server: a client only reads.
"""

# What launches the sandbox imports ``jira.steering`` without aiohttp, so that this is loaded when it is asked for.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_ops.sandbox.jira.twin import JiraTwin

__all__ = ["JiraTwin"]


def __getattr__(name: str) -> Any:
    if name != "JiraTwin":
        raise AttributeError(name)
    from agent_ops.sandbox.jira.twin import JiraTwin as Twin  # noqa: PLC0415

    return Twin
