"""The planner that needs no model: the runbook of an onboarding as rules."""

from __future__ import annotations

from dataclasses import dataclass

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.decisions import Decision, Situation, Step
from agent_ops.domain.effects import ACCOUNT_ACTIONS, UNDO_ACTIONS, Action, Proposal
from agent_ops.domain.known import Known
from agent_ops.graphs.task_runbook import closing, reading_thought, still_to_read

_TOOLS = {
    Action.RESERVE_ADDRESS: ("reserve_address", "reserve the address"),
    Action.CREATE_ACCOUNT: ("create_account", "create the company account"),
    Action.LINK_ACCOUNT: ("link_account", "link the existing account"),
    Action.SET_ATTRIBUTES: ("set_attributes", "complete the account's attributes"),
    Action.SET_MANAGER: ("set_manager", "set the account's manager"),
    Action.ENABLE_ACCOUNT: ("enable_account", "enable the account on the first working day"),
    Action.RUN_PIPELINE: ("run_pipeline", "run the pipeline of {item}"),
    Action.ADD_TO_GROUP: ("add_to_group", "add the account to the group of {item}"),
    Action.DISABLE_ACCOUNT: ("disable_account", "disable the account"),
    Action.REVOKE_PIPELINE: ("run_revocation", "take back {item}"),
}
_CHOOSING = (Action.RUN_PIPELINE, Action.ADD_TO_GROUP, Action.REVOKE_PIPELINE)


@dataclass(frozen=True)
class RunbookPlanner:
    """Account first, then its groups, then every access side by side, then the finish.

    Serves with no model, in CI and as the fallback: then it ``stands_in`` for a model that was asked.
    """

    stands_in: bool = False

    async def decide(self, situation: Situation) -> Decision:
        """Plan whatever is due, not done, not tried in vain and not under way."""
        known, possible, reads = situation.known, still_possible(situation), still_to_read(situation)
        if possible or reads:
            thought = "; ".join(
                [*([_opening_thought(possible)] if possible else []), *([reading_thought(reads)] if reads else [])]
            )
            return Decision(thought, (*(_step(p, possible, known) for p in possible), *reads))
        if any(seen.waiting for seen in situation.observations):
            return Decision("nothing more can be done until what is under way is over: wait")
        if known.task is not None:
            return closing(situation, summarise(known) if known.has_subject else "", self.stands_in)
        return Decision(_closing_thought(known), summary=summarise(known))


def still_possible(situation: Situation) -> list[Proposal]:
    """What is due, neither done nor tried in vain, and not begun by this decision's steps, as far as it can be done yet."""
    known = situation.known
    tried = {seen.step_id for seen in situation.observations if not seen.succeeded}
    due = [p for p in known.due if p.action in _TOOLS and p not in known.done and p not in known.closed]
    due = [p for p in due if _step_id(p) not in tried and not _is_denied(p, known)]
    return [p for p in due if _is_possible(p, due, known)]


def _is_denied(proposal: Proposal, known: Known) -> bool:
    return proposal.action in _CHOOSING and known.status_of(proposal.item) is ItemStatus.DENIED


def _step_id(proposal: Proposal) -> str:
    return proposal.item if proposal.action not in _CHOOSING else f"{proposal.agent}-{proposal.item}"


def _forerunners(proposal: Proposal, known: Known) -> list[Proposal]:
    """What must be done before: the account for everything, its attributes for a licence, its groups for a pipeline."""
    if proposal.action in ACCOUNT_ACTIONS:
        return []
    before = [p for p in known.due if p.action in ACCOUNT_ACTIONS]
    if proposal.item in known.licences:
        before += [p for p in known.due if p.action is Action.SET_ATTRIBUTES]
    if proposal.action is Action.RUN_PIPELINE:
        before += [p for p in known.due if p.item in known.account_groups]
    return [p for p in before if p not in known.done]


def _is_possible(proposal: Proposal, due: list[Proposal], known: Known) -> bool:
    """Whether all that must come before it is done, or can still be done in this plan."""
    return all(p in due and _is_possible(p, due, known) for p in _forerunners(proposal, known))


def _step(proposal: Proposal, plan: list[Proposal], known: Known) -> Step:
    tool, goal = _TOOLS[proposal.action]
    return Step(
        id=_step_id(proposal),
        agent=proposal.agent,
        goal=goal.format(item=proposal.item),
        after=tuple(_step_id(p) for p in _forerunners(proposal, known)),
        tool=tool,
        arguments={"item": proposal.item} if proposal.action in _CHOOSING else {},
    )


def _opening_thought(plan: list[Proposal]) -> str:
    if all(p.action is Action.RESERVE_ADDRESS for p in plan):
        return "reserve the address, and make no account"
    if any(p.action in UNDO_ACTIONS for p in plan):
        return "undo what was done: " + ", ".join(_TOOLS[p.action][1].format(item=p.item) for p in plan)
    account = next((p for p in plan if p.action in ACCOUNT_ACTIONS), None)
    access = [p.item for p in plan if p.action in _CHOOSING]
    rest = [_TOOLS[p.action][1] for p in plan if p.action not in _CHOOSING and p is not account]
    side_by_side = [f"provision {', '.join(access)}" + (" side by side" if len(access) > 1 else "")] if access else []
    opening = f"no account yet: {_TOOLS[account.action][1].split()[0]} it, then " if account else "the account exists: "
    return opening + (", ".join([*side_by_side, *rest]) or "report")


def _closing_thought(known: Known) -> str:
    if known.held:
        return "a person must decide first: finish and report"
    if not known.account_exists:
        return "there is no account, so no access can be given: finish and report"
    return "nothing is left to do: finish and report"


def summarise(known: Known) -> str:
    """One line on what came of a run, from the facts."""
    if known.held:
        return f"held: {known.held}"
    if known.undoing:
        return _undone(known)
    if known.reserving:
        why = next(iter([*known.closed.values(), *known.under_way.values()]), "it was not tried")
        return "the address is reserved" if set(known.due) <= known.done else f"no address: {why}"
    if not known.has_subject:
        return "nothing was to be changed"
    if not known.account_exists:
        return f"no account: {known.account_closed or 'it was not created'}"
    due = [item for item in known.items if item.status is not ItemStatus.DENIED]
    in_place = sum(item.status.in_place for item in due)
    rest = [f"{item.item} {item.status.value}" for item in known.items if not item.status.in_place]
    rest += [f"{item.item} {item.reason}" for item in known.items if item.contradicted]
    rest += [f"{p.item} not set: {why}" for p, why in known.closed.items() if p.action not in (*_CHOOSING, Action.SEND_MAIL)]
    undelivered = {**known.closed, **known.under_way}.items()
    rest += [f"the {p.item} mail was not delivered: {why}" for p, why in undelivered if p.action is Action.SEND_MAIL]
    return f"account and {in_place} of {len(due)} access items in place" + (f"; {', '.join(rest)}" if rest else "")


def _undone(known: Known) -> str:
    done = [_TOOLS[p.action][1].format(item=p.item) for p in known.due if p in known.done and p.action in UNDO_ACTIONS]
    rest = [
        f"{_TOOLS[p.action][1].format(item=p.item)}: {known.closed.get(p) or known.under_way.get(p) or 'not done'}"
        for p in known.due
        if p not in known.done and p.action in UNDO_ACTIONS
    ]
    return f"undone: {', '.join(done) or 'nothing'}" + (f"; not undone: {', '.join(rest)}" if rest else "")
