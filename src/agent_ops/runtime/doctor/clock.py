"""This machine's clock against the services'."""

from __future__ import annotations

from collections.abc import Sequence

from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import Examination
from agent_ops.runtime.doctor.lines import Line, warning, works, wrong

_SKEW_WARNS, _SKEW_FAILS = 60, 300  # AWS refuses signatures, and Entra certificates' assertions, more than 300 s off


async def clock(exam: Examination) -> Sequence[Line]:
    """Our clock against the services', by their answers' Date headers, which have whole seconds."""
    if not exam.clocks:
        return []
    whose, ahead = max(exam.clocks.items(), key=lambda item: abs(item[1]))
    if abs(ahead) <= _SKEW_WARNS:
        return [works(f"within {_SKEW_WARNS} s of {', '.join(sorted(exam.clocks))}")]
    found = f"{abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} {whose}'s clock"
    kind = wrong if abs(ahead) > _SKEW_FAILS else warning
    return [kind(found, "Set this machine's clock by NTP: signatures and tokens are refused when it is off.", "clock")]


CHECKS = (Check("this machine", "clock", clock, after=("Graph", "parameter", "controller")),)
