"""Which way in is played how, and one case from its beginning to the evidence that it leaves."""

from __future__ import annotations

from tests.threats import crash, files, flood, programs, reading, rest, ways
from tests.threats.cases import Case
from tests.threats.place import Evidence, Place
from tests.threats.ways import Way

BEFORE: dict[str, Way] = {
    **dict.fromkeys((p + w for p in ("", rest.PREFIX) for w in ("clear_address", "viewer", "lookup")), ways.known),
    "killed": crash.survey,
    "read": reading.plant,
}
"""What is done before the records are looked at."""
WAYS: dict[str, Way] = {
    "onboard": ways.onboard,
    "repeated": ways.repeated,
    "task": ways.task,
    "read": reading.read,
    "clear_address": ways.clear_address,
    "viewer": ways.viewer,
    "lookup": ways.lookup,
    "flood": flood.flood,
    "killed": crash.killed,
    "checkpoint": crash.checkpoint,
    "tampered": files.tampered,
    "planned": files.planned,
    "policy": files.policy,
    "cli": programs.cli,
    "studio": programs.studio,
    **rest.WAYS,
}


async def play(place: Place, case: Case, evidence: Evidence) -> None:
    """Play one case in a world put back as it was, and keep everything by which it is judged."""
    await place.clean()
    if case.way in BEFORE:
        await BEFORE[case.way](place, case, evidence)
    await ways.plant(place, case)
    evidence.before, evidence.configured = await place.people(), {*place.configured, *evidence.configured}
    already = len(place.calls())
    with place.watched(evidence):
        await WAYS[case.way](place, case, evidence)
    evidence.calls = place.calls()[already:]
    evidence.after = await place.people()
    evidence.mails = [
        (place.box.directory / "mailbox" / call.detail["file"]).read_bytes() for call in evidence.calls if call.effect == "mail"
    ]
    if "console" in case.planted_in.lower():
        for item in case.body.get("access_items", ()):
            await ways.console(place, case, item, "SUCCESS", ())
