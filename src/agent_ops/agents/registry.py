"""Which agents there are: every entry point of the group ``agent_ops.agents``, the built-in ones among them."""

from __future__ import annotations

from functools import cache

from agent_ops.agents.installed import installed
from agent_ops.agents.spec import AgentSpec
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import ConfigurationError, NotFound
from agent_ops.tools.effect_tool import EffectTool

GROUP = "agent_ops.agents"


def actions_of(name: str) -> frozenset[Action] | None:
    """What an agent's tools change; None without a name.

    Raises:
        NotFound: there is no such agent.
    """
    if name and name not in load_agents():
        raise NotFound(f"there is no agent {name!r}", f"There are {', '.join(load_agents())}.")
    return frozenset(tool.action for tool in load_agents()[name].tools if isinstance(tool, EffectTool)) if name else None


@cache
def load_agents() -> dict[str, AgentSpec]:
    """All agents by name.

    Raises:
        ConfigurationError: when an entry point does not hold an ``AgentSpec``, or two agents share a name.
    """
    specs: dict[str, AgentSpec] = {}
    for entry in installed(GROUP):
        spec = entry.load()
        if not isinstance(spec, AgentSpec) or spec.name in specs:
            raise ConfigurationError(
                f"the entry point {entry.value} gives no agent of its own name", "Mend or remove that package."
            )
        specs[spec.name] = spec
    if not specs:
        raise ConfigurationError("no agents are installed", "Install the package with pip (entry points are read from it).")
    return specs
