"""Employees: the six routes that clients have always known, and what came since."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.convertors import StringConvertor, register_url_convertor

from agent_ops.api.admission import Acting, Calling, GuardedRoute, needs
from agent_ops.api.answers import Erased, PassAnswer, PlanAnswer, Queued, User, run_url, sight
from agent_ops.api.bodies import DeleteBody, OnboardBody, UpdateBody
from agent_ops.domain.employee import EmployeeStatus
from agent_ops.domain.errors import Against, NotFound
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Run
from agent_ops.domain.standing import Standing, Wanted
from agent_ops.runtime.agent_ops import AgentOps

router = APIRouter(prefix="/api/users", tags=["users"], route_class=GuardedRoute)
_LIST = TypeAdapter(list[User])
_PAGE = 500  # employees that a list without a limit reads at a time
NEXT_PAGE = {"Link": {"description": "The next page (RFC 8288), while there is one.", "schema": {"type": "string"}}}
MeansUser = Annotated[str, Path(min_length=1, max_length=320, description="An employee id, an address or a full name.")]
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,255}$", max_length=255, description="Marks a repeat of the same request."),
]


class UserConvertor(StringConvertor):
    """What may mean a person in a path: not the words of the routes beside it, whose other methods would end up here."""

    regex = "(?!(?:onboard_user|status_all|update_status|delete_email_by_name)$)[^/]+"


register_url_convertor("user", UserConvertor())


class UserQuery(BaseModel):
    """Which employees; without anything all of them, whole."""

    model_config = ConfigDict(extra="forbid")
    status: EmployeeStatus | None = Field(None, description="Only those who stand here, by what the ledger knows.")
    team: Annotated[
        str | None, Field(min_length=1, max_length=200, description="Only those of this team, as it was written.")
    ] = None
    cursor: Annotated[str | None, Field(min_length=1, max_length=64, description="Only those after this employee's id.")] = None
    limit: Annotated[int, Field(ge=0, le=1000, description="At most so many; 0 means all.")] = 0


def next_page(request: Request, last: str) -> str:
    """The header ``Link`` to what comes after this id in the same list: whatever was asked for is asked for again."""
    return f'<{request.url.path}?{urlencode({**request.query_params, "cursor": last})}>; rel="next"'


def _listed(found: list[Standing], caller: Caller) -> bytes:
    return _LIST.dump_json([User.of(one, caller) for one in found])


async def _streamed(found: list[Standing], wanted: Wanted, ops: AgentOps, caller: Caller) -> AsyncIterator[bytes]:
    """One JSON list, page after page, so that a whole company is never in memory at once."""
    begins = b"["
    while found:
        yield begins + _listed(found, caller)[1:-1]
        begins, wanted = b",", replace(wanted, cursor=found[-1].employee.id)
        found = await ops.people(wanted) if len(found) == wanted.limit else []
    yield b"]"


async def queued(ops: AgentOps, run: Run, response: Response) -> Queued:
    """What is answered of a run that was taken on."""
    response.headers["Location"] = run_url(run.id)
    return Queued.of(await ops.told(run.id))


@router.post(
    "/onboard_user",
    status_code=202,
    response_model=Queued,
    responses={200: {"model": PlanAnswer, "description": "The plan, when the mode is 'plan'; nothing was changed."}},
    dependencies=[needs("onboard")],
)
async def onboard_user(body: OnboardBody, ops: Acting, response: Response, idempotency_key: IdempotencyKey = None) -> Any:
    """Record a new hire and begin; answers as soon as both are committed. A repeat gets the run that there is."""
    profile, options = body.profile(), body.options()
    if body.mode == "plan":
        plan = PlanAnswer.of(await ops.plan(profile, idempotency_key=idempotency_key, **options))
        return JSONResponse(plan.model_dump(mode="json"))
    run = await ops.submit(profile, idempotency_key=idempotency_key, **options)
    return await queued(ops, run, response)


@router.get("/status_all", response_model=list[User], responses={200: {"headers": NEXT_PAGE}}, dependencies=[needs("status")])
async def status_all(query: Annotated[UserQuery, Query()], ops: Acting, caller: Calling, request: Request) -> Response:
    """Every employee in the order in which they were recorded, or a page of them."""
    status = query.status.value if query.status else None
    wanted = Wanted(status=status, team=query.team, cursor=query.cursor, limit=query.limit or _PAGE)
    found = await ops.people(wanted)
    if not query.limit and len(found) == _PAGE:
        return StreamingResponse(_streamed(found, wanted, ops, caller), media_type="application/json")
    answer = Response(_listed(found, caller), media_type="application/json")
    if query.limit and len(found) == query.limit:
        answer.headers["Link"] = next_page(request, found[-1].employee.id)
    return answer


@router.post("/update_status", response_model=User, dependencies=[needs("update")])
async def update_status(body: UpdateBody, ops: Acting, caller: Calling) -> User:
    """Keep a status that somebody asserts by hand, with who and why. Nothing acts on it, nothing learns from it."""
    return User.of(await ops.assert_status(body.user, body.said()), caller)


@router.delete("/delete_email_by_name", response_model=User, dependencies=[needs("delete")])
async def delete_email_by_name(
    ops: Acting,
    caller: Calling,
    body: DeleteBody | None = None,
    name: Annotated[str | None, Query(min_length=1, max_length=200, description="Instead of a body.")] = None,
) -> User:
    """Make an employee's stored address the empty text. The account stays theirs, and nobody else gets the address."""
    if body is not None and name not in (None, body.name):
        raise Against("name", "body and query name different people", "Nothing was done. Name one.")
    wanted = body.name if body is not None else name
    if wanted is None:
        raise NotFound("nobody is named", "Give a name in the body or as ?name=.")
    return User.of(await ops.person((await ops.clear_address(wanted)).id), caller)


@router.get("/{user:user}", response_model=User, dependencies=[needs("status")])
async def get_user(user: MeansUser, ops: Acting, caller: Calling) -> User:
    """One employee."""
    return User.of(await ops.person(user), caller)


@router.post("/{user:user}/first_sign_in", status_code=201, response_model=PassAnswer, dependencies=[needs("passes")])
async def first_sign_in(user: MeansUser, ops: Acting, caller: Calling) -> PassAnswer:
    """Make a pass for the first sign-in and hand it over, once. An earlier one that nobody has used is withdrawn."""
    made, seen = await ops.first_sign_in(user), sight(caller)
    return PassAnswer(
        employee_id=made.employee.id,
        name=seen(made.employee.profile.name),
        address=seen(made.employee.address),
        access_pass=made.secret.take(),
        minutes=made.minutes,
        starts=made.starts,
        ends=made.ends,
        url=made.url,
        replaced=made.replaced,
        run_id=made.run_id,
    )


@router.post("/{user:user}/erase", response_model=Erased, dependencies=[needs("erase")])
async def erase(user: MeansUser, ops: Acting) -> Erased:
    """Remove everything that tells of a person, for ever. Their account and accesses are not touched."""
    erased = await ops.erase(user)
    return Erased(employee_id=erased.employee_id, already=erased.already, not_reached=list(erased.not_reached))
