"""Tools of the Jenkins agent."""

from __future__ import annotations

from agent_ops.domain.effects import Action
from agent_ops.domain.known import account_ready
from agent_ops.tools.effect_tool import EffectTool, ItemChoice

run_pipeline = EffectTool(
    name="run_pipeline",
    description="Run the provisioning pipeline of one access item that is due, and wait for its result.",
    args_schema=ItemChoice,
    agent="jenkins",
    action=Action.RUN_PIPELINE,
    preconditions=(account_ready,),
)

run_revocation = EffectTool(
    name="run_revocation",
    description="Run the pipeline that takes back one access item of an undone run, and wait for its result.",
    args_schema=ItemChoice,
    agent="jenkins",
    action=Action.REVOKE_PIPELINE,
)

TOOLS = (run_pipeline, run_revocation)
