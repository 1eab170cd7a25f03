"""The contract for people: Swagger UI and ReDoc from packaged assets. Their policy lets the browser ask no other host."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:;"
    " connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {"Content-Security-Policy": POLICY}
_HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Agent Ops</title>'
_ASSETS = "/docs/assets"
SWAGGER = (
    f'{_HEAD}<link rel="stylesheet" href="{_ASSETS}/swagger-ui.css"><link rel="icon" href="{_ASSETS}/favicon.png"></head>'
    f'<body><div id="ui"></div><script src="{_ASSETS}/swagger-ui-bundle.js"></script>'
    '<script src="/docs/start.js"></script></body></html>'
)
START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#ui", deepLinking: true, validatorUrl: null});\n'
REDOC = (
    f'{_HEAD}<link rel="icon" href="{_ASSETS}/favicon.png"></head>'
    f'<body><redoc spec-url="/openapi.json"></redoc><script src="{_ASSETS}/redoc.standalone.js"></script></body></html>'
)
router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve the pages and what they are made of."""
    app.include_router(router)
    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="assets")


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Swagger UI, in which requests can be tried with a key."""
    return HTMLResponse(SWAGGER, headers=_HEADERS)


@router.get("/docs/start.js")
async def start() -> Response:
    """What starts it: the policy allows no script within a page."""
    return Response(START, media_type="text/javascript")


@router.get("/redoc")
async def redoc() -> HTMLResponse:
    """ReDoc, to read and to print."""
    return HTMLResponse(REDOC, headers=_HEADERS)
