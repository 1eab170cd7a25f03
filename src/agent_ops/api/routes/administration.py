"""What administrators do, and what there is: pauses and agents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from agent_ops.agents import load_agents
from agent_ops.api.admission import Acting, GuardedRoute, needs
from agent_ops.api.answers import AgentAnswer, PauseAnswer, Resumed
from agent_ops.api.bodies import PauseBody

router = APIRouter(prefix="/api", tags=["administration"], route_class=GuardedRoute)


@router.get("/agents", response_model=list[AgentAnswer], dependencies=[needs("status")])
async def list_agents() -> list[AgentAnswer]:
    """The agents that there are, each with its tools."""
    return [
        AgentAnswer(name=spec.name, purpose=spec.purpose, tools=[tool.name for tool in spec.tools])
        for spec in load_agents().values()
    ]


@router.get("/pauses", response_model=list[PauseAnswer], dependencies=[needs("status")])
async def list_pauses(ops: Acting) -> list[PauseAnswer]:
    """What is stopped, by whom and why."""
    return [PauseAnswer.of(pause) for pause in await ops.pauses()]


@router.post("/pauses", status_code=201, response_model=PauseAnswer, dependencies=[needs("admin")])
async def pause(body: PauseBody, ops: Acting) -> PauseAnswer:
    """Stop changes: all of them, or those of one access item or one agent. Runs wait."""
    return PauseAnswer.of(await ops.pause(item=body.item, agent=body.agent, reason=body.reason))


@router.delete("/pauses", response_model=Resumed, dependencies=[needs("admin")])
async def resume(
    ops: Acting,
    item: Annotated[str | None, Query(min_length=1, max_length=80, description="The paused access item.")] = None,
    agent: Annotated[str | None, Query(min_length=1, max_length=80, description="The paused agent.")] = None,
) -> Resumed:
    """Let changes go on; without a parameter what was stopped as a whole."""
    return Resumed(was_paused=await ops.resume(item=item, agent=agent))
