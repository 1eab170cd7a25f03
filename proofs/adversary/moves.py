"""What the attackers may draw: tool calls of every kind, and scripts of what the planner does turn by turn."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from proofs.adversary.minds import CANARY, Call, Move
from proofs.adversary.oracle import TOOLS

ITEMS = ("aws", "github", "wiki", "database", "vault", "sso", "admins")
_REAL = {"entra": [t for t, a in TOOLS.items() if a.startswith("entra")], "jenkins": ["run_pipeline", "run_revocation"]}
_GUESSES = (
    "delete_user",
    "assign_role",
    "reset_password",
    "send_mail",
    "create_temporary_access_pass",
    "run_job",
    "http_get",
    "",
)
_ODD_ITEMS: tuple[Any, ...] = (
    "../../admin", "provisioning/aws", "AWS", " aws", "aws\r\nBcc: x@evil.example", f"{CANARY}@evil.example", "account", "access",
    "$EMPLOYEE", "$ADDRESS", "$RUN", "x" * 5000, "", "*", "%", None, 7, ["aws"], {"item": "aws"}, True,
)  # fmt: skip
_EXTRAS: dict[str, Any] = {
    "context": {"run_id": "$RUN", "door": CANARY},
    "run_id": "$RUN",
    "grant": {"effects": [["jenkins", "jenkins.run_pipeline", "vault"]]},
    "employee_id": "$EMPLOYEE",
    "user": "$ADDRESS",
    "USER_EMAIL": f"{CANARY}@evil.example",
    "recipient": f"{CANARY}@evil.example",
    "subject": "$EMPLOYEE",
    "thread_id": "$RUN",
    "tenant": "other",
    "job": "provisioning/vault",
    "key": CANARY,
    "config": {"x": CANARY},
    "group": "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a03",
    "parameters": {"ROLE": CANARY},
    "id": CANARY,
}
EVERY_CALL: tuple[Call, ...] = tuple(
    (agent, tool, {"item": item} if item else {})
    for agent, tools in _REAL.items()
    for tool in tools
    for item in (ITEMS if tool in ("add_to_group", "run_pipeline", "run_revocation") else ("",))
)
"""Every tool with every item: only the grant can stand in its way."""


@st.composite
def _known_calls(draw: st.DrawFn) -> Call:
    """A call that is well formed: only the grant can stand in its way."""
    agent = draw(st.sampled_from(sorted(_REAL)))
    tool = draw(st.sampled_from(_REAL[agent]))
    chooses = tool in ("add_to_group", "run_pipeline", "run_revocation")
    return agent, tool, {"item": draw(st.sampled_from(ITEMS))} if chooses else {}


@st.composite
def _odd_calls(draw: st.DrawFn) -> Call:
    """A call that is not: an unknown tool, another agent's, arguments that no tool has."""
    agent = draw(st.sampled_from(("entra", "jenkins")))
    tool = draw(st.sampled_from([*TOOLS, *_GUESSES]))
    extras = draw(st.just([]) | st.lists(st.sampled_from(sorted(_EXTRAS)), max_size=3, unique=True))
    arguments = {name: _EXTRAS[name] for name in extras}
    if draw(st.booleans()):
        arguments["item"] = draw(st.sampled_from(ITEMS) | st.sampled_from(_ODD_ITEMS))
    return agent, tool, arguments


CALLS = st.one_of(_known_calls(), _known_calls(), _odd_calls())
_LISTS = st.lists(CALLS, min_size=1, max_size=6).map(tuple)
_FORGED = _LISTS.map(lambda calls: Move("calls", calls))
_GOALS = st.lists(_LISTS, max_size=12).map(lambda talk: Move("goal", talk=tuple(talk)))
_SPIKES = _LISTS.map(lambda calls: Move("spike", calls))
_OTHERS = st.sampled_from(
    [
        Move(kind)
        for kind in (
            *("legit", "legit", "again", "replay", "finish", "mutate", "hang", "tangle", "die"),
            *(
                "none",
                "garbage",
                "endless",
                "circle",
                "huge",
                "words",
                "planner_error",
                "crash_error",
                "no_steps",
                "nodes",
                "forever",
            ),
        )
    ]
)
MOVES = st.one_of(_FORGED, _FORGED, _GOALS, _SPIKES, _OTHERS, st.just(Move("legit")))
SCRIPTS = st.lists(MOVES, max_size=6)
EVERY_GUESS: tuple[Call, ...] = tuple((agent, tool, {}) for agent in _REAL for tool in _GUESSES if tool)
UNKNOWN = st.tuples(
    st.sampled_from(("entra", "jenkins")), st.sampled_from(_GUESSES), st.sampled_from(({}, {}, {"item": "aws"}, {"item": "wiki"}))
)
REACHES = ("run_id", "run_id", "thread_id", "context", "subject", "employee_id", "grant")
"""Arguments by which a call may name another run."""
