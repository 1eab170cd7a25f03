"""How the service is: for orchestrators without a key, for Prometheus with one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from agent_ops import __version__
from agent_ops.api.admission import Acting, GuardedRoute, needs
from agent_ops.api.answers import Health, Readiness
from agent_ops.runtime.agent_ops import AgentOps

open_router = APIRouter(tags=["health"])
router = APIRouter(tags=["health"], route_class=GuardedRoute)
METRICS = {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}


@open_router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """That this process lives."""
    return Health(status="ok", version=__version__)


@open_router.get(
    "/readyz", response_model=Readiness, responses={503: {"model": Readiness, "description": "Not now; see `checks`."}}
)
async def readyz(request: Request, response: Response) -> Readiness:
    """Whether requests can be taken on: the database can be written to, and runs are driven."""
    ops: AgentOps = request.app.state.ops
    checks = await ops.ready()
    ready = set(checks.values()) == {"ok"}
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


@router.get("/metrics", response_class=Response, responses={200: METRICS}, dependencies=[needs("status")])
async def metrics(ops: Acting, request: Request) -> Response:
    """Metrics: what the database knows is the same in every worker, requests are the answering worker's."""
    return Response(request.app.state.meters.text(await ops.facts()), media_type=CONTENT_TYPE_LATEST)
