"""The tenant's domains: which are verified, which are federated, which new users are expected in.

https://learn.microsoft.com/graph/api/resources/domain
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from agent_ops.sandbox.records import Records
from agent_ops.sandbox.world import World

_TWIN, _KIND = "entra", "domain"


@dataclass(frozen=True)
class Domain:
    """One domain; ``initial`` is the one that every tenant gets from Microsoft."""

    name: str
    verified: bool = True
    federated: bool = False
    default: bool = False
    initial: bool = False

    @property
    def authentication(self) -> str:
        """Graph's ``authenticationType``."""
        return "Federated" if self.federated else "Managed"


class Domains:
    """They begin with the world's domain as the default one and the initial one, and can be changed while the twin runs."""

    def __init__(self, world: World, records: Records) -> None:
        self._records = records
        initial = f"{world.domain.partition('.')[0]}.onmicrosoft.com".casefold()
        first = (Domain(world.domain.casefold(), default=True), Domain(initial, initial=True))
        self._by_name = {domain.name: domain for domain in first}
        self._by_name.update({name: Domain(**body) for name, body in records.all(_TWIN, _KIND).items()})

    def all(self) -> tuple[Domain, ...]:
        return tuple(self._by_name.values())

    def get(self, name: str) -> Domain | None:
        return self._by_name.get(name.casefold())

    @property
    def verified(self) -> frozenset[str]:
        """The names in which users may be."""
        return frozenset(domain.name for domain in self.all() if domain.verified)

    @property
    def federated(self) -> frozenset[str]:
        """The names whose users sign in elsewhere."""
        return frozenset(domain.name for domain in self.all() if domain.federated)

    def set(self, name: str, *, verified: bool = True, federated: bool = False, default: bool | None = None) -> None:
        """Add or change a domain. There is one default; ``None`` leaves that as it is."""
        before = self.get(name) or Domain(name.casefold())
        is_default = before.default if default is None else default
        for other in self.all():
            if is_default and other.default and other.name != before.name:
                self._save(replace(other, default=False))
        self._save(replace(before, verified=verified, federated=federated, default=is_default))

    def _save(self, domain: Domain) -> None:
        self._by_name[domain.name] = domain
        self._records.put(_TWIN, _KIND, domain.name, asdict(domain))
