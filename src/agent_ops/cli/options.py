"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from agent_ops.domain.employee import Profile

F = TypeVar("F", bound=Callable[..., Any])

DATA_DIR = "agent-ops-data"


def data_dir(command: F) -> F:
    """Where state lives."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=DATA_DIR,
        show_default=True,
        help="Directory of database, keys, log and sandbox.",
    )(command)


def policy_file(command: F) -> F:
    """Which entitlement policy."""
    return click.option(
        "--policy",
        "policy_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Entitlement policy (TOML). Sandbox default: the example that ships; else AGENT_OPS_POLICY_FILE.",
    )(command)


def in_sandbox(command: F) -> F:
    """Twins or real services."""
    return click.option("--sandbox", "in_sandbox", is_flag=True, help="Use the loopback twins instead of real services.")(command)


def as_json(command: F) -> F:
    """Machine-readable output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


_HIRE = (
    click.argument("name"),
    click.option("--team", required=True, help="Team of the entitlement policy."),
    click.option("--level", help="Level of the policy, such as L2."),
    click.option("--location", help="Location of the policy."),
    click.option("--manager", help="The manager's full name or address."),
    click.option("--joining-date", help="First working day, YYYY-MM-DD."),
    click.option("--contact-number", help="Phone number; with name and date it identifies the person."),
    click.option("--external-id", help="The HR system's number: the surest identity."),
    click.option("--item", "items", multiple=True, help="An access item that is asked for; repeat it. Default: by birthright."),
    click.option("--evidence", metavar="ITEM=REFERENCE", multiple=True, help="An approval that the policy demands; repeat it."),
    click.option("--idempotency-key", help="Marks a repeat of the same request."),
    click.option("--run-after", type=click.DateTime(["%Y-%m-%d"]), help="Begin on this day, in the location's time zone."),
    click.option("--link-existing", metavar="OBJECT_ID", help="The Entra account that is to become the hire's."),
    click.option("--new-person", is_flag=True, help="A deleted or disabled account of the same name is somebody else's."),
)
_OF_THE_REQUEST = ("items", "evidence", "idempotency_key", "run_after", "link_existing", "new_person")


def hire(command: F) -> F:
    """A request: who is hired, and what is asked for. The command gets all of it as keywords; see :func:`asked`."""
    for option in reversed(_HIRE):
        command = option(command)
    return command


def asked(fields: dict[str, Any]) -> tuple[Profile, dict[str, Any]]:
    """The profile, and the further arguments of ``AgentOps.submit`` and ``AgentOps.plan``.

    Raises:
        InvalidRequest: a field cannot be like that.
    """
    from agent_ops.domain.employee import Profile  # noqa: PLC0415

    profile = Profile(**{name: value for name, value in fields.items() if name not in _OF_THE_REQUEST})
    day = fields["run_after"]
    rest = {name: fields[name] for name in ("idempotency_key", "link_existing", "new_person")}
    rest["evidence"] = references(fields["evidence"])
    return profile, {"access_items": fields["items"] or None, "run_after": day.date() if day else None, **rest}


def references(given: Sequence[str]) -> dict[str, str]:
    """References to approvals by item, from 'database=SEC-17'.

    Raises:
        InvalidRequest: one is written in another way, or an item has two.
    """
    from agent_ops.domain.errors import InvalidRequest  # noqa: PLC0415

    pairs = [one.partition("=") for one in given]
    if not all(item and reference for item, _, reference in pairs) or len({item for item, _, _ in pairs}) < len(pairs):
        raise InvalidRequest("evidence", "must be ITEM=REFERENCE, once for an item", "For example: database=SEC-17.")
    return {item: reference for item, _, reference in pairs}
