"""A text about a person with handles in the places of what names them: what planners and models are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agent_ops.domain.decisions import Situation
from agent_ops.domain.employee import Employee
from agent_ops.domain.tasks import Task

_ADDRESS = re.compile(r"[\w.+'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")
_SHORTEST = 3


def veiled(text: str, employee: Employee) -> str:
    """The text without the employee's name, numbers and addresses, nor their manager's; nor anybody's address."""
    profile = employee.profile
    handles = {
        employee.address: "[the employee's address]",
        profile.email_wish: "[address]",
        profile.name: "the employee",
        profile.manager: "the manager",
        profile.contact_number: "[number]",
        profile.external_id: "[external id]",
    }
    for word, handle in sorted(handles.items(), key=lambda pair: -len(pair[0] or "")):
        if word and len(word) >= _SHORTEST:
            text = re.sub(re.escape(word), handle, text, flags=re.IGNORECASE)
    text = _ADDRESS.sub("[address]", text)
    for word in (*_words(profile.name), *_words(profile.manager or "")):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "[name]", text, flags=re.IGNORECASE)
    return text


def without_addresses(text: str) -> str:
    """The text without anybody's address: what a task that is about nobody shows a model."""
    return _ADDRESS.sub("[address]", text)


def veiled_situation(situation: Situation, veil: Callable[[str], str]) -> Situation:
    """The situation without what names the employee: services' words among the reasons may."""
    known = situation.known
    return replace(
        situation,
        known=replace(
            known,
            items=tuple(replace(item, reason=veil(item.reason), detail=veil(item.detail)) for item in known.items),
            closed={proposal: veil(why) for proposal, why in known.closed.items()},
            under_way={proposal: veil(why) for proposal, why in known.under_way.items()},
            held=veil(known.held),
            task=_veiled_task(known.task, veil),
        ),
        observations=tuple(replace(seen, text=veil(seen.text), asked=veil(seen.asked)) for seen in situation.observations),
    )


def _veiled_task(task: Task | None, veil: Callable[[str], str]) -> Task | None:
    """The caller's own words: names of others stay, since nothing can be read about people who must not be named."""
    return task and replace(task, text=veil(task.text), withheld=veil(task.withheld), context={}, plan="")


def _words(name: str) -> list[str]:
    return [word for word in name.split() if len(word) >= _SHORTEST]
