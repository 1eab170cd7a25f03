"""Erasing a person: what stays of them, and what an erasure says of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Tombstone:
    """What stays of an erased employee, all of it keyed hashes: so that a repeated request makes no second account, and nobody
    else is given the address.

    Args:
        employee_id: the HMAC of the identity, as before.
        name: the keyed hash of the name.
        addresses: the keyed hashes of what the addresses looked like.
    """

    employee_id: str
    name: str
    addresses: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tombstone:
        return cls(str(data["employee_id"]), str(data["name"]), tuple(str(address) for address in data["addresses"]))


@dataclass(frozen=True)
class Erasure:
    """What an erasure did. ``already``: the person had been erased before; then what may have been left was cleaned up."""

    employee_id: str
    already: bool

    @property
    def not_reached(self) -> tuple[str, ...]:
        """What still knows the person, and what to do about it."""
        return (
            "The account in Entra ID and the accesses were not touched: close them there, as for somebody who leaves.",
            "Backups still hold the person: `agent-ops restore` erases them again; delete old backups in time.",
            "Mails that were sent, plan files, traces and copies outside the data directory are not reached.",
        )
