"""The OpenAPI document: what FastAPI writes from the routes, with every error typed and the policy's words in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from agent_ops import __version__
from agent_ops.api.problems import MEDIA_TYPE, Problem
from agent_ops.domain.policy import EntitlementPolicy

TITLE = "Agent Ops"
ABOUT = (
    "Onboards new hires: company account, every access they are due, notices to the points of contact.\n\n"
    "Every route but `/healthz` and `/readyz` needs a key (`agent-ops token create`) with the scope that it names, sent as"
    " `Authorization: Bearer ao_...`. Errors are problem details (RFC 9457): 422 is what this contract forbids, 409 what it"
    " allows and names, policy or the present state refuse."
)
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_EVERYWHERE: Mapping[str, str] = {
    "401": "No key, or none that is good.",
    "403": "The key lacks the scope.",
    "422": "The request is not what this contract allows.",
    "429": "Too many requests; come again after `Retry-After` seconds.",
    "500": "The service failed; its log has the request id.",
    "502": "A service that had to be asked could not be: Entra ID for its signing keys, or another one.",
    "503": "The database is busy; come again after `Retry-After` seconds.",
}
_FURTHER: Mapping[str, Mapping[str, str]] = {
    "404": {"user": "Nobody, or nothing, is meant.", "run": "There is no such run.", "page": "The cursor names nothing."},
    "409": {"": "Well-formed, and yet refused: by a name's form, the policy or what is known. Nothing was done."},
    "400": {"": "The body cannot be read."},
    "413": {"": "The body is too large."},
}
_RUN, _EMPLOYEE, _PLAN = "$response.body#/run_id", "$response.body#/employee_id", "$response.body#/plan"
_OF_RUNS: Mapping[str, Any] = {
    operation: {"operationId": operation, "parameters": {"run_id": _RUN}}
    for operation in ("get_run", "run_events", "retry_run", "cancel_run")
}
_OF_PEOPLE: Mapping[str, Any] = {
    **{
        operation: {"operationId": operation, "parameters": {"user": _EMPLOYEE}}
        for operation in ("get_user", "first_sign_in", "erase", "recommend_to_user", "recommendation_history")
    },
    "delete_email_by_name": {"operationId": "delete_email_by_name", "parameters": {"name": _EMPLOYEE}},
    "update_status": {"operationId": "update_status", "requestBody": {"user": _EMPLOYEE, "status": "onboarded"}},
}
_OF_PLANS: Mapping[str, Any] = {"apply_plan": {"operationId": "apply_plan", "requestBody": {"plan": _PLAN}}}
"""Where answers lead: https://spec.openapis.org/oas/v3.1.1.html#link-object"""


def install(app: FastAPI, policy: EntitlementPolicy, agents: tuple[str, ...]) -> None:
    """Let the app answer its contract, made once."""
    made: dict[str, Any] = {}

    def contract() -> dict[str, Any]:
        if not made:
            made.update(_made(app, policy, agents))
        return made

    app.openapi = contract  # type: ignore[method-assign]  # https://fastapi.tiangolo.com/how-to/extending-openapi/


def _made(app: FastAPI, policy: EntitlementPolicy, agents: tuple[str, ...]) -> dict[str, Any]:
    document = get_openapi(title=TITLE, version=__version__, description=ABOUT, routes=app.routes)
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            _complete(path, operation)
            _without_null(operation.get("parameters", ()))
    _say_words(document, policy, agents)
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Every status that an operation may answer, and where its answer leads."""
    responses = operation["responses"]
    guarded = "security" in operation
    expected = _EVERYWHERE if guarded else {"500": _EVERYWHERE["500"]}
    for status, words in {**expected, **dict(_further(path, operation))}.items():
        if status not in responses or status == "422":
            responses[status] = {"description": words, "content": _PROBLEM}
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["X-Request-ID"] = _header("Names this request in the service's log.")
        if status in ("429", "503") and guarded:
            headers["Retry-After"] = _header("Seconds to wait.")
        if status == "401":
            headers["WWW-Authenticate"] = _header("How to come in.")
    _lead_on(path, responses)


def _lead_on(path: str, responses: dict[str, Any]) -> None:
    """Name what may be asked with an answer's words."""
    of_task = path == "/api/execute_task"
    if queued := responses.get("202"):
        queued["headers"]["Location"] = _header("Where the run is told of.")
        queued["links"] = {**_OF_RUNS, **({} if of_task else _OF_PEOPLE)}  # a task may be about nobody
    if of_task:
        responses["200"]["links"] = _OF_RUNS
    if path in ("/api/plans", "/api/users/onboard_user"):
        responses["200"]["links"] = _OF_PLANS


def _without_null(parameters: Iterable[dict[str, Any]]) -> None:
    """A parameter is left out, never null."""
    for parameter in parameters:
        if kinds := parameter["schema"].pop("anyOf", None):
            parameter["schema"].update(next(kind for kind in kinds if kind != {"type": "null"}))


def _header(words: str) -> dict[str, Any]:
    return {"description": words, "schema": {"type": "string"}}


def _further(path: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    body, kinds = "requestBody" in operation, _FURTHER["404"]
    parameters = {one["name"] for one in operation.get("parameters", ())}
    named = "run" if "run_id" in parameters else "page" if "cursor" in parameters else "user"
    if parameters & {"run_id", "cursor", "user"} or path.endswith(("update_status", "delete_email_by_name", "decline")):
        yield "404", kinds[named]
    if body or parameters & {"user", "item"}:
        yield "409", _FURTHER["409"][""]
    if body:
        yield "400", _FURTHER["400"][""]
        yield "413", _FURTHER["413"][""]


def _say_words(document: dict[str, Any], policy: EntitlementPolicy, agents: tuple[str, ...]) -> None:
    """The installation's own words, where the contract takes no others."""
    schemas, items = document["components"]["schemas"], sorted(policy.catalogue)
    teams = [word for key, team in policy.teams.items() for word in (key, team.title)]
    places = [word for key, place in policy.locations.items() for word in (key, place.title)]
    for name, words in (("team", teams), ("location", places), ("level", list(policy.levels))):
        _only(schemas["OnboardBody"]["properties"][name], words)
        _only(schemas["ProfileBody"]["properties"][name], words)
    _only(schemas["OnboardBody"]["properties"]["access_items"], items)
    for body in ("OnboardBody", "RetryBody", "ContextBody"):
        _only(schemas[body]["properties"]["evidence"], items)
    _only(schemas["UpdateBody"]["properties"]["access_items_status"], items)
    _only(schemas["PauseBody"]["properties"]["item"], items)
    _only(schemas["DeclineBody"]["properties"]["item"], items)
    _only(schemas["PauseBody"]["properties"]["agent"], list(agents))
    for parameter in document["paths"]["/api/recommendations/history"]["get"]["parameters"]:
        if parameter["name"] == "team":
            _only(parameter["schema"], teams)
    for parameter in document["paths"]["/api/pauses"]["delete"]["parameters"]:
        _only(parameter["schema"], items if parameter["name"] == "item" else list(agents))


def _only(schema: dict[str, Any], words: list[str]) -> None:
    """Let a text, a list's items or a table's names be one of these; null stays what it is."""
    for one in schema.get("anyOf", [schema]):
        if one.get("type") == "array":
            one["items"] = {"type": "string", "enum": words}
        elif one.get("type") == "object":
            (value,) = one.pop("patternProperties").values()
            one.update(properties=dict.fromkeys(words, value), additionalProperties=False)
        elif one.get("type") == "string":
            one["enum"] = list(dict.fromkeys(words))
            for limit in ("minLength", "maxLength", "pattern"):
                one.pop(limit, None)
