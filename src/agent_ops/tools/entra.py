"""Tools of the Entra agent."""

from __future__ import annotations

from agent_ops.domain.effects import Action
from agent_ops.domain.known import account_exists, usage_location_set
from agent_ops.tools.choices import NoChoice
from agent_ops.tools.effect_tool import EffectTool, ItemChoice

reserve_address = EffectTool(
    name="reserve_address",
    description="Reserve the employee's company address, and make no account. The address is chosen by code.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.RESERVE_ADDRESS,
    fixed_item="address",
)

create_account = EffectTool(
    name="create_account",
    description="Create the employee's company account. Address and attributes are chosen by code.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.CREATE_ACCOUNT,
    fixed_item="account",
)

link_account = EffectTool(
    name="link_account",
    description="Make the existing account that the request names the employee's.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.LINK_ACCOUNT,
    fixed_item="account",
)

set_attributes = EffectTool(
    name="set_attributes",
    description="Set the account's place of use, department, job title, hire date and type. Values are chosen by code.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.SET_ATTRIBUTES,
    fixed_item="attributes",
    preconditions=(account_exists,),
)

set_manager = EffectTool(
    name="set_manager",
    description="Set the account's manager, whom the request names.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.SET_MANAGER,
    fixed_item="manager",
    preconditions=(account_exists,),
)

enable_account = EffectTool(
    name="enable_account",
    description="Enable an account that was created disabled, on the first working day.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.ENABLE_ACCOUNT,
    fixed_item="enabled",
    preconditions=(account_exists,),
)

disable_account = EffectTool(
    name="disable_account",
    description="Disable the account that an undone run had created.",
    args_schema=NoChoice,
    agent="entra",
    action=Action.DISABLE_ACCOUNT,
    fixed_item="account",
    preconditions=(account_exists,),
)

add_to_group = EffectTool(
    name="add_to_group",
    description="Add the employee's account to the Entra group of one access item that is due.",
    args_schema=ItemChoice,
    agent="entra",
    action=Action.ADD_TO_GROUP,
    preconditions=(account_exists, usage_location_set),
)

TOOLS = (
    *(create_account, link_account, set_attributes, set_manager, enable_account, disable_account, add_to_group),
    reserve_address,
)
