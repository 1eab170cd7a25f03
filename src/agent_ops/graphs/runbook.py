"""The planner that needs no model: the runbook of an onboarding as rules."""

from __future__ import annotations

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.decisions import Decision, Situation, Step
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.known import Known

_TOOLS = {
    Action.CREATE_ACCOUNT: ("create_account", "create the company account"),
    Action.RUN_PIPELINE: ("run_pipeline", "run the pipeline of {item}"),
    Action.ADD_TO_GROUP: ("add_to_group", "add the account to the group of {item}"),
}


class RunbookPlanner:
    """Account first, then every access side by side, then the finish. Serves with no model, in CI and as the fallback."""

    async def decide(self, situation: Situation) -> Decision:
        """Plan whatever is due, not done and not tried in vain."""
        known = situation.known
        in_vain = {seen.step_id for seen in situation.observations if not seen.succeeded}
        due = [p for p in known.due if p.action in _TOOLS and p not in known.done and p not in known.closed]
        steps = [_step(p, known) for p in due if _step_id(p) not in in_vain]
        account_pending = any(step.id == _ACCOUNT_STEP for step in steps)
        if not steps or not (known.account_ready or account_pending):
            return Decision(_closing_thought(known), summary=summarise(known))
        return Decision(_opening_thought(steps, account_pending), tuple(steps))


_ACCOUNT_STEP = "account"


def _step_id(proposal: Proposal) -> str:
    return _ACCOUNT_STEP if proposal.action is Action.CREATE_ACCOUNT else f"{proposal.agent}-{proposal.item}"


def _step(proposal: Proposal, known: Known) -> Step:
    tool, goal = _TOOLS[proposal.action]
    is_account = proposal.action is Action.CREATE_ACCOUNT
    return Step(
        id=_step_id(proposal),
        agent=proposal.agent,
        goal=goal.format(item=proposal.item),
        after=() if is_account or known.account_ready else (_ACCOUNT_STEP,),
        tool=tool,
        arguments={} if is_account else {"item": proposal.item},
    )


def _opening_thought(steps: list[Step], account_pending: bool) -> str:
    access = [str(step.arguments["item"]) for step in steps if step.id != _ACCOUNT_STEP]
    side_by_side = f"{', '.join(access)} side by side" if len(access) > 1 else "".join(access)
    if account_pending:
        return f"no account yet: create it, then provision {side_by_side}" if access else "no account yet: create it"
    return f"the account exists: provision {side_by_side}"


def _closing_thought(known: Known) -> str:
    if not known.account_ready:
        return "there is no account, so no access can be given: finish and report"
    return "nothing is left to do: finish and report"


def summarise(known: Known) -> str:
    """One line on what came of a run, from the facts."""
    if not known.account_ready:
        why = next((why for p, why in known.closed.items() if p.action is Action.CREATE_ACCOUNT), "it was not created")
        return f"no account: {why}"
    due = [item for item in known.items if item.status is not ItemStatus.DENIED]
    in_place = sum(item.status.in_place for item in due)
    rest = [f"{item.item} {item.status.value}" for item in known.items if not item.status.in_place]
    rest += [f"the {p.item} mail was not delivered: {why}" for p, why in known.closed.items() if p.action is Action.SEND_MAIL]
    return f"account and {in_place} of {len(due)} access items in place" + (f"; {', '.join(rest)}" if rest else "")
