"""What can be subscribed to: the products that the twin knows, with their ids and the service plans that matter here.

https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference. A real product has many more plans.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """A service plan; ``service`` is the name under which ``assignedPlans`` lists it."""

    id: str
    name: str
    service: str


@dataclass(frozen=True)
class Sku:
    """A product: ``part`` is its skuPartNumber, ``id`` its skuId."""

    id: str
    part: str
    plans: tuple[Plan, ...]

    @property
    def gives_mailbox(self) -> bool:
        return any(plan.service == "exchange" for plan in self.plans)


_EXCHANGE_2 = Plan("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE", "exchange")
_EXCHANGE_1 = Plan("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "EXCHANGE_S_STANDARD", "exchange")
_ENTRA_P1 = Plan("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM", "AADPremiumService")
_ENTRA_P2 = Plan("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2", "AADPremiumService")
_TEAMS = Plan("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1", "TeamspaceAPI")

_KNOWN = (
    Sku("05e9a617-0261-4cee-bb44-138d3ef5d965", "SPE_E3", (_EXCHANGE_2, _ENTRA_P1, _TEAMS)),
    Sku("06ebc4ee-1bb5-47dd-8120-11324bc54e06", "SPE_E5", (_EXCHANGE_2, _ENTRA_P1, _ENTRA_P2, _TEAMS)),
    Sku("6fd2c87f-b296-42f0-b197-1e91e994b900", "ENTERPRISEPACK", (_EXCHANGE_2, _TEAMS)),
    Sku("4b9405b0-7788-4568-add1-99614e613b69", "EXCHANGESTANDARD", (_EXCHANGE_1,)),
    Sku("078d2b04-f1bd-4111-bbd4-b4b1b354cef4", "AAD_PREMIUM", (_ENTRA_P1,)),
)
_BY_PART = {sku.part: sku for sku in _KNOWN}


def sku_of(part: str) -> Sku:
    """The product with this part number. One that is not listed here gets an id of the twin's own and a mailbox."""
    return _BY_PART.get(part) or Sku(str(uuid.uuid5(uuid.NAMESPACE_DNS, part)), part, (_EXCHANGE_2,))
