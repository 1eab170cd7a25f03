"""Ways in which a chat model or its service misbehaves, each as a change of what a competent one would have answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from proofs.model_server import Call, Reply

Distortion = Callable[[Reply, Random], Reply]
MODEL_SECONDS = 1.5
"""How long one answer may take: what is silent or slow is so for longer."""
_LONG = 4 * MODEL_SECONDS
_DRIP = 0.4
"""Between pieces, each of which comes in time: only the whole takes too long."""
_CHINESE = "先创建帐户，然后并行运行所有流水线。"
_ARABIC = "أنشئ الحساب أولاً ثم شغّل خطوط الأنابيب \u202etluafed\u202c"


@dataclass(frozen=True)
class Misbehaviour:
    """``distort`` makes of a good reply what is answered instead. ``harmless``: what comes of it can be followed."""

    name: str
    distort: Distortion
    harmless: bool = False


def answered(**reply: Any) -> Distortion:
    """The same whatever was asked."""
    return lambda good, rng: Reply(**reply)


def spoilt(**fields: Any) -> Distortion:
    """The good reply, but for these of its fields."""
    return lambda good, rng: replace(good, **fields)


def decided(change: Callable[[dict[str, Any], Random], Any]) -> Distortion:
    """The good decision, changed; an agent's call gets what no tool takes."""

    def distort(good: Reply, rng: Random) -> Reply:
        if not good.calls:
            return Reply([Call('{"nonsense": 1}', "nonsense")])
        if good.calls[0].name != "decide":
            return replace(good, calls=[replace(good.calls[0], arguments='{"nonsense": 1}')])
        decision = json.loads(good.calls[0].arguments)
        return replace(good, calls=[Call(json.dumps(change(decision, rng), ensure_ascii=rng.random() < 0.5))])

    return distort


def always(**decision: Any) -> Distortion:
    """This decision whatever was asked; agents are answered with the call of its first step."""
    first: dict[str, Any] = next(iter(decision.get("steps", [])), {"tool": "nothing", "arguments": {}})

    def distort(good: Reply, rng: Random) -> Reply:
        if good.calls and good.calls[0].name == "decide":
            return Reply([Call(json.dumps({"thought": "as ever", **decision}))])
        return Reply([Call(json.dumps(first.get("arguments", {})), first["tool"])])

    return distort


def _step(agent: str, tool: str, **arguments: Any) -> dict[str, Any]:
    return {"id": f"{tool}-{len(arguments)}", "agent": agent, "tool": tool, "arguments": arguments}


def _steps(change: Callable[[list[dict[str, Any]], Random], Any]) -> Distortion:
    """Change the steps of a plan; of a finish make one that has a nonsensical step."""

    def changed(decision: dict[str, Any], rng: Random) -> dict[str, Any]:
        steps = decision.get("steps") or [_step("entra", "create_account")]
        return {"thought": decision["thought"], "steps": change(steps, rng)}

    return decided(changed)


def _one(**fields: Any) -> Distortion:
    """One step, drawn, gets these fields."""

    def change(steps: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
        number = rng.randrange(len(steps))
        return [{**step, **fields} if index == number else step for index, step in enumerate(steps)]

    return _steps(change)


def _cut_json(good: Reply, rng: Random) -> Reply:
    """A call whose JSON ends somewhere, in a stream that is whole."""
    if not good.calls:
        return Reply(text="{")
    call = good.calls[0]
    return replace(good, calls=[replace(call, arguments=(call.arguments + "}")[: rng.randrange(1, max(2, len(call.arguments)))])])


def _as_text(fence: str) -> Distortion:
    def distort(good: Reply, rng: Random) -> Reply:
        said = "\n".join(call.arguments for call in good.calls) or good.text
        return Reply(text=fence.format(said))

    return distort


def _several(good: Reply, rng: Random) -> Reply:
    """The decision twice, a contradiction and a call of something else beside it."""
    other = Call('{"thought": "all is done", "summary": "nothing was needed"}', good.calls[0].name if good.calls else "decide")
    return replace(good, calls=[*good.calls, other, Call('{"to": "all@acme.example"}', "send_mail"), *good.calls])


def _one_at_a_time(steps: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    return [{**steps[0], "after": []}]


def _no_account(steps: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    """Claims that the account exists, whatever is observed."""
    rest = [step for step in steps if step.get("agent") != "entra"]
    return [{**step, "after": []} for step in rest] or [_step("jenkins", "run_pipeline", item="github")]


def _circle(steps: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    ring = [step["id"] for step in steps]
    return [{**step, "after": [ring[index - 1]]} for index, step in enumerate(steps)]


def _greedy(steps: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    more = [
        _step("jenkins", "run_pipeline", item=rng.choice(["payroll", "prod-admin", "../../admin", "aws; database"])),
        _step("entra", "add_to_group", item=rng.choice(["global-admins", "payroll"])),
        _step("entra", "disable_account"),
        _step("jenkins", "run_revocation", item="github"),
    ]
    return [*steps, *({**step, "id": f"more-{index}"} for index, step in enumerate(more))]


def _in_words(words: str) -> Distortion:
    return decided(lambda decision, rng: {**decision, "thought": words, **({"summary": words} if "summary" in decision else {})})


def _loop(good: Reply, rng: Random) -> Reply:
    """An agent's tool over and over; a planner's first step over and over, whatever came of it."""
    if good.calls and good.calls[0].name == "decide":
        return Reply([Call('{"thought": "once more", "steps": [{"id": "again", "agent": "entra", "tool": "create_account"}]}')])
    return Reply([Call("{}", "create_account")])


def _reshaped(decision: dict[str, Any], rng: Random) -> Any:
    return rng.choice([[], "x", {"plan": decision}, {"thought": 1}])


_REVOKING = [_step("entra", "disable_account"), _step("jenkins", "run_revocation", item="github")]


def _goals(steps: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    """Goals that nobody can reach, under the ids that rules would give their steps."""
    return [
        {"id": name, "agent": agent, "goal": "make everybody happy"}
        for name, agent in (("account", "entra"), ("attributes", "entra"), ("jenkins-github", "jenkins"))
    ]


MISBEHAVIOURS: tuple[Misbehaviour, ...] = (
    Misbehaviour("JSON that is none", answered(calls=[Call('{"thought": "x", "steps": [}')])),
    Misbehaviour("JSON that ends amid it", _cut_json),
    Misbehaviour("JSON of another shape", decided(_reshaped)),
    Misbehaviour("an unknown agent", _one(agent="root")),
    Misbehaviour("an unknown tool", _one(tool="delete_user")),
    Misbehaviour("another agent's tool", _one(agent="jenkins", tool="create_account", arguments={})),
    Misbehaviour("wrong arguments", _one(arguments={"job": "/etc/passwd", "user": "ceo@acme.example"})),
    Misbehaviour("missing arguments", _one(agent="jenkins", tool="run_pipeline", arguments={})),
    Misbehaviour("steps in a circle", _steps(_circle)),
    Misbehaviour("after a step that is not there", _one(after=["nowhere"])),
    Misbehaviour("the same id twice", _steps(lambda steps, rng: [*steps, steps[0]])),
    Misbehaviour("more steps than may be", _steps(lambda steps, rng: [{**steps[0], "id": str(n)} for n in range(150)])),
    Misbehaviour("an empty answer", answered()),
    Misbehaviour("a refusal", answered(text="I'm sorry, but I cannot help with that request.")),
    Misbehaviour("a content filter", answered(finish="content_filter")),
    Misbehaviour("the same step for ever", _loop),
    Misbehaviour("goals that nobody can reach", _steps(_goals)),
    Misbehaviour("one step at a time", _steps(_one_at_a_time)),
    Misbehaviour("an end before anything is done", always(summary="everything is in place, trust me")),
    Misbehaviour("claims that the account exists", _steps(_no_account)),
    Misbehaviour("asks for more than is due", _steps(_greedy)),
    Misbehaviour("takes back what is due", always(steps=_REVOKING)),
    Misbehaviour("401", answered(status=401, text="Incorrect API key provided")),
    Misbehaviour("403", answered(status=403, text="Your organisation has no access")),
    Misbehaviour("404, unknown model", answered(status=404, text="The model does not exist")),
    Misbehaviour("429, Retry-After 1", answered(status=429, text="slow down", headers={"Retry-After": "1"})),
    Misbehaviour("429, Retry-After 1 hour", answered(status=429, text="quota", headers={"Retry-After": "3600"})),
    Misbehaviour("429 without Retry-After", answered(status=429, text="slow down")),
    Misbehaviour("500", answered(status=500)),
    Misbehaviour("502, a page of HTML", answered(status=502, raw=b"<html><h1>Bad Gateway</h1></html>")),
    Misbehaviour("400, context too long", answered(status=400, text="maximum context length is 8192 tokens, you sent 9000")),
    Misbehaviour("a redirect elsewhere", answered(status=307, raw=b"elsewhere", headers={"Location": "http://127.0.0.1:9/v1"})),
    Misbehaviour("200, but no JSON", answered(raw=b"OK, working on it")),
    Misbehaviour("time-out", spoilt(delay=_LONG)),
    Misbehaviour("slow drip", spoilt(drip=_DRIP)),
    Misbehaviour("hangs up without a word", answered(silent=True)),
    Misbehaviour("cut amid the answer", spoilt(cut=True)),
    Misbehaviour("ends amid the answer, silently", spoilt(unfinished=True)),
    Misbehaviour("cut by its own limit", spoilt(finish="length")),
    Misbehaviour("100 kB of text", answered(text="word " * 20_000)),
    Misbehaviour("100 kB in a call", decided(lambda decision, rng: {**decision, "thought": "x" * 100_000})),
    Misbehaviour("plain text", answered(text="First I would create the account. Then, I would run the pipelines.")),
    Misbehaviour("streams where a whole is asked for, and vice versa", spoilt(contrary=True)),
    Misbehaviour("several calls at once", _several, harmless=True),
    Misbehaviour("the decision as text", _as_text("{}"), harmless=True),
    Misbehaviour("the decision as text, fenced", _as_text("Here you are:\n```json\n{}\n```\nDone!"), harmless=True),
    Misbehaviour("Chinese", _in_words(_CHINESE), harmless=True),
    Misbehaviour("Arabic, with signs that turn the line", _in_words(_ARABIC), harmless=True),
    Misbehaviour("no usage", spoilt(usage=False), harmless=True),
)  # fmt: skip
