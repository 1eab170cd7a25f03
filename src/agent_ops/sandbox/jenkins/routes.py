"""The controller's HTTP side: who calls, what is meant, and in which flavour it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from multidict import MultiDict

from agent_ops.sandbox.jenkins import export
from agent_ops.sandbox.jenkins.actions import Actions, Form
from agent_ops.sandbox.jenkins.auth import Caller, Gate
from agent_ops.sandbox.jenkins.console import console_text, describe_run, pending_input
from agent_ops.sandbox.jenkins.controller import Controller
from agent_ops.sandbox.jenkins.export import Bean, MalformedQueryError
from agent_ops.sandbox.jenkins.model import Build, Folder, Item, Job
from agent_ops.sandbox.jenkins.pages import RefusedError, config_xml, html_page, login_required, not_found, plain_page
from agent_ops.sandbox.jenkins.paths import Executor, Node, Paths, Special, View, split
from agent_ops.sandbox.jenkins.render import Renderer
from agent_ops.sandbox.jenkins.site import Site

VERSION = "2.479.3"  # the LTS line that the twin follows

_CRUMB_XPATH = 'concat(//crumbRequestField,":",//crumb)'
_FORM_TYPES = ("", "application/x-www-form-urlencoded", "multipart/form-data")
Page = Callable[[web.Request, Any], web.Response]


class Routes:
    """Answers every request. An unknown address is a 404 page, a refused one says why as Jenkins says it."""

    def __init__(self, controller: Controller, gate: Gate, renderer: Renderer, site: Site) -> None:
        self.stage_view = True
        self._controller = controller
        self._gate = gate
        self._renderer = renderer
        self._site = site
        self._paths = Paths(controller, renderer)
        self._actions = Actions(controller, renderer)
        self._pages: dict[tuple[type[Any], str], Page] = {
            (Folder, ""): lambda _, folder: plain_page(folder.path or "Dashboard"),
            (View, ""): lambda _, view: plain_page("All"),
            (Job, ""): lambda _, job: plain_page(job.path),
            (Job, "config.xml"): lambda _, job: _typed(config_xml(job), "application/xml"),
            (Build, ""): lambda _, build: plain_page(f"{build.job} #{build.number}"),
            (Build, "console"): lambda _, build: plain_page(self._console(build)),
            (Build, "consoleText"): lambda _, build: _text(self._console(build)),
            (Build, "buildNumber"): lambda _, build: _text(str(build.number)),
            (Build, "logText/progressiveText"): self._progressive_text,
            (Build, "wfapi"): self._describe,
            (Build, "wfapi/describe"): self._describe,
            (Build, "wfapi/pendingInputActions"): self._pending_input,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request, split(request.rel_url.raw_path))
        except RefusedError as refused:
            return refused.response()

    async def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """The headers that Jenkins puts on everything."""
        response.headers.update(
            {
                "X-Content-Type-Options": "nosniff",
                "X-Hudson": "1.395",
                "X-Jenkins": VERSION,
                "X-Jenkins-Session": self._controller.session,
                "X-Instance-Identity": self._controller.identity,
                "Server": "Jetty(12.0.16)",
            }
        )

    async def _answer(self, request: web.Request, parts: list[str]) -> web.Response:
        form = await _read_form(request)
        if request.method == "POST" and len(parts) == 1 and self._gate.is_login(parts[0]):
            return self._gate.login(form)
        caller = self._gate.identify(request)
        if request.method == "POST":
            self._gate.check_crumb(request, caller, form)
        if parts in (["login"], ["loginError"]):
            return html_page("<html><head><title>Sign in [Jenkins]</title></head><body>Welcome to Jenkins!</body></html>")
        if not caller.user:
            return login_required(request.rel_url.raw_path)
        node, rest = self._paths.resolve(parts)
        if rest[:1] == ["api"]:
            return self._api(request, node, rest[1:], caller)
        return self._page(request, node, "/".join(rest), form)

    def _page(self, request: web.Request, node: Node, name: str, form: Form) -> web.Response:
        action = self._actions.find(node, name, request.method)
        if action is not None and request.method == "POST":
            return action(request, node, form)
        if action is not None:
            return self._actions.form_instead(node, name)
        page = self._pages.get((type(node), name))
        if page is None:
            raise not_found()
        return page(request, node)

    def _api(self, request: web.Request, node: Node, rest: list[str], caller: Caller) -> web.Response:
        flavour = "/".join(rest)
        bean = self._bean(node, caller)
        try:
            value = export.export(bean, export.pruner_for(request.query))
        except MalformedQueryError as error:
            raise RefusedError(400, str(error)) from error
        if flavour == "json":
            if "jsonp" in request.query:
                raise RefusedError(403, "jsonp forbidden; implement jenkins.security.SecureRequester")
            return _typed(export.as_json(value, request.query.get("pretty") == "true"), "application/json")
        if flavour == "python":
            return _typed(export.as_python(value), "text/x-python")
        if flavour == "xml":
            return _xml(value, request.query.get("xpath"))
        if flavour:
            raise not_found()
        return plain_page("Remote API")

    def _bean(self, node: Node, caller: Caller) -> Bean[Any]:
        if isinstance(node, Folder):
            return self._renderer.root() if node is self._controller.root else self._renderer.folder(node)
        if isinstance(node, View):
            return self._renderer.view(node.folder)
        if isinstance(node, Job):
            return self._renderer.job(node)
        if isinstance(node, Build):
            return self._renderer.build(node)
        if isinstance(node, Item):
            return self._renderer.item(node)
        return self._site_bean(node, caller)

    def _site_bean(self, node: Special | Executor, caller: Caller) -> Bean[Any]:
        if isinstance(node, Executor):
            bean = self._site.executor(node.number)
            if bean is None:
                raise not_found()
            return bean
        makers: dict[str, Callable[[], Bean[Any]]] = {
            "queue": self._renderer.queue,
            "computer": self._site.computers,
            "built-in": self._site.computer,
            "crumbIssuer": lambda: self._site.crumb(self._gate.crumb(caller)),
            "me": self._site.me,
            "whoAmI": self._site.whoami,
            "pluginManager": self._site.plugins,
        }
        return makers[node.name]()

    def _console(self, build: Build) -> str:
        return console_text(build, self._controller.jobs[build.job], self._controller.user, self._controller.advance())

    def _progressive_text(self, request: web.Request, build: Build) -> web.Response:
        """The console from an offset in bytes; the reader goes on at X-Text-Size while X-More-Data is set."""
        text = self._console(build).encode()
        start = request.query.get("start", "0")
        if not start.lstrip("-").isdecimal() or len(start) > 18:
            raise RefusedError(400, f"Not a number: {start}")
        offset = int(start) if 0 <= int(start) <= len(text) else 0
        response = web.Response(body=text[offset:], content_type="text/plain", charset="utf-8")
        response.headers["X-Text-Size"] = str(len(text))
        if build.running(self._controller.advance()):
            response.headers["X-More-Data"] = "true"
        return response

    def _describe(self, request: web.Request, build: Build) -> web.Response:
        self._refuse_freestyle(build)
        return web.json_response(describe_run(build, self._build_path(build), self._controller.advance()))

    def _pending_input(self, request: web.Request, build: Build) -> web.Response:
        self._refuse_freestyle(build)
        return web.json_response(pending_input(build, self._build_path(build)))

    def _refuse_freestyle(self, build: Build) -> None:
        if not self.stage_view or self._controller.jobs[build.job].freestyle:
            raise not_found()

    def _build_path(self, build: Build) -> str:
        return self._renderer.build_url(build).removeprefix(self._renderer.folder_url("").rstrip("/"))


async def _read_form(request: web.Request) -> Form:
    if request.method != "POST" or request.content_type not in _FORM_TYPES:
        return MultiDict()
    try:
        return await request.post()
    except (ValueError, LookupError):
        raise RefusedError(400, "The form cannot be read") from None


def _text(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


def _typed(text: str, content_type: str) -> web.Response:
    return web.Response(text=text, content_type=content_type, charset="utf-8", headers={"X-Frame-Options": "deny"})


def _xml(value: export.Json, xpath: str | None) -> web.Response:
    """XPath is not evaluated, except the expression with which shell scripts fetch the crumb."""
    if xpath is None:
        return _typed(export.as_xml(value), "application/xml")
    if xpath == _CRUMB_XPATH and "crumb" in value:
        return _text(f"{value['crumbRequestField']}:{value['crumb']}")
    raise RefusedError(403, "primitive XPath result sets forbidden; implement jenkins.security.SecureRequester")
