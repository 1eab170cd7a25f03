"""Tools of the Entra agent."""

from __future__ import annotations

from agent_ops.domain.effects import Action
from agent_ops.domain.known import account_exists
from agent_ops.tools.effect_tool import EffectTool, ItemChoice, NoChoice

create_account = EffectTool(
    name="create_account",
    description="Create the employee's company account. Address and attributes are chosen by code.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.CREATE_ACCOUNT,
    fixed_item="account",
)

add_to_group = EffectTool(
    name="add_to_group",
    description="Add the employee's account to the Entra group of one access item that is due.",
    args_schema=ItemChoice,
    agent="entra",
    action=Action.ADD_TO_GROUP,
    preconditions=(account_exists,),
)

TOOLS = (create_account, add_to_group)
