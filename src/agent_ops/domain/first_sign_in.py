"""The first sign-in of a new hire: a Temporary Access Pass, and the rules by which one is made.

https://learn.microsoft.com/entra/identity/authentication/howto-authentication-temporary-access-pass
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from agent_ops.domain.employee import Employee
from agent_ops.domain.secret import Secret

SHORTEST_MINUTES, LONGEST_MINUTES = 10, 43_200
"""Microsoft Graph's own bounds of a pass's lifetime; the tenant's policy has narrower ones."""


@dataclass(frozen=True)
class FirstSignInRules:
    """The policy's table ``[first_sign_in]``.

    Args:
        days: how long after the account was made, or the first working day, a pass can be had.
        minutes: a pass's lifetime; the tenant's policy must allow it.
        per_hour: how many first sign-ins anybody may begin within an hour, in all.
        url: where the hire registers what they sign in with from then on.
    """

    days: int = 30
    minutes: int = 60
    per_hour: int = 20
    url: str = "https://aka.ms/mysecurityinfo"


@dataclass(frozen=True)
class AccessPass:
    """A pass that was just made; ``secret.take()`` gives it, once. Times are UTC.

    ``replaced`` says that an earlier pass, which nobody had used, was withdrawn for it.
    """

    employee: Employee
    run_id: str
    minutes: int
    starts: datetime
    ends: datetime
    url: str
    replaced: bool
    secret: Secret = field(repr=False, compare=False)
