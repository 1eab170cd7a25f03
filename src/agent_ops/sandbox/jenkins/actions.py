"""What a client can change: trigger, stop and cancel builds, answer an input step. All of it by POST."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from aiohttp import web
from multidict import MultiMapping

from agent_ops.sandbox.jenkins.console import INPUT_ID
from agent_ops.sandbox.jenkins.controller import Controller
from agent_ops.sandbox.jenkins.model import Build, Item, Job
from agent_ops.sandbox.jenkins.pages import RefusedError, forbidden, oops, post_required
from agent_ops.sandbox.jenkins.paths import Node, Special
from agent_ops.sandbox.jenkins.render import Renderer
from agent_ops.sandbox.web import changed

Form = MultiMapping[Any]
Action = Callable[[web.Request, Any, Form], web.Response]

_DELAY = re.compile(r"\s*([0-9]{1,9})\s*(?:s|sec|secs)?\s*")
_REDIRECTS = (201, 302, 303)
_ADMINISTRATIVE = {
    "quietDown": "Overall/Administer",
    "cancelQuietDown": "Overall/Administer",
    "safeRestart": "Overall/Administer",
    "restart": "Overall/Administer",
    "exit": "Overall/Administer",
    "safeExit": "Overall/Administer",
    "reload": "Overall/Administer",
    "scriptText": "Overall/Administer",
    "script": "Overall/Administer",
    "createItem": "Job/Create",
    "createView": "View/Create",
    "config.xml": "Job/Configure",
    "enable": "Job/Configure",
    "disable": "Job/Configure",
    "doRename": "Job/Configure",
    "doDelete": "Job/Delete",
}


class Actions:
    """The actions of jobs, builds and queue items."""

    def __init__(self, controller: Controller, renderer: Renderer) -> None:
        self._controller = controller
        self._renderer = renderer
        self._table: dict[tuple[type[Any], str], Action] = {
            (Job, "build"): self._build,
            (Job, "buildWithParameters"): self._build_with_parameters,
            (Build, "stop"): self._stop,
            (Build, "term"): self._stop,
            (Build, "kill"): self._stop,
            (Build, f"input/{INPUT_ID}/abort"): self._stop,
            (Build, f"input/{INPUT_ID}/proceedEmpty"): self._proceed,
            (Special, "cancelItem"): self._cancel_by_id,
            (Item, "cancelQueue"): self._cancel_here,
        }

    def find(self, node: Node, name: str, method: str) -> Action | None:
        """The action of that name; what only an administrator may do is refused with 403."""
        if method == "POST" and name in _ADMINISTRATIVE:
            raise forbidden(self._controller.user, _ADMINISTRATIVE[name])
        return self._table.get((type(node), name))

    def form_instead(self, node: Node, name: str) -> web.Response:
        """The answer to a GET of an action."""
        return post_required(name, node.parameters if isinstance(node, Job) else ())

    def _build_with_parameters(self, request: web.Request, job: Job, form: Form) -> web.Response:
        self._permitted(job, "Job/Build")
        _refuse_unbuildable(job, "!")
        if not job.parameters:
            raise oops("java.lang.IllegalStateException: This build is not parameterized!")
        parameters = {name: _single(name, _given(request, form, name)) for name in job.parameters}
        item, created = self._enqueue(request, job, parameters, form)
        return _redirect(201 if created else 303, self._renderer.item_url(item.id))

    def _build(self, request: web.Request, job: Job, form: Form) -> web.Response:
        self._permitted(job, "Job/Build")
        _refuse_unbuildable(job)
        if job.parameters:
            return self._build_from_form(request, job, form)
        item, _ = self._enqueue(request, job, {}, form)
        return _redirect(201, self._renderer.item_url(item.id))

    def _permitted(self, job: Job, permission: str) -> None:
        if permission in job.denied:
            raise forbidden(self._controller.user, permission)

    def _build_from_form(self, request: web.Request, job: Job, form: Form) -> web.Response:
        """The form of the web page: the parameters travel as JSON in one field, and only those that it names are set."""
        submitted = _submitted(request, form)
        item, created = self._enqueue(request, job, _parameters_of(job, submitted), form)
        here = self._renderer.folder_url(job.path)
        if not created:
            return _redirect(302, here)
        status, target = submitted.get("statusCode", 201), submitted.get("redirectTo")
        code = int(status) if str(status) in map(str, _REDIRECTS) else 201
        safe = isinstance(target, str) and target and "//" not in target and ":" not in target
        return _redirect(code, urljoin(here, str(target)) if safe else self._renderer.item_url(item.id))

    def _enqueue(self, request: web.Request, job: Job, parameters: dict[str, str], form: Form) -> tuple[Item, bool]:
        item, created = self._controller.enqueue(job, parameters, _delay(_given(request, form, "delay")))
        if created:
            changed(request, "jenkins.build", job=job.path, queue_id=item.id, parameters=parameters)
        return item, created

    def _stop(self, request: web.Request, build: Build, form: Form) -> web.Response:
        if self._controller.stop(build, self._controller.user):
            changed(request, "jenkins.stop", job=build.job, number=build.number)
        return _redirect(302, self._renderer.build_url(build))

    def _proceed(self, request: web.Request, build: Build, form: Form) -> web.Response:
        if not self._controller.proceed(build, self._controller.user):
            raise RefusedError(404, "Input request is gone")
        changed(request, "jenkins.input", job=build.job, number=build.number)
        return web.Response(status=200)

    def _cancel_by_id(self, request: web.Request, special: Special, form: Form) -> web.Response:
        text = "".join(_given(request, form, "id")[:1])
        item = self._controller.items.get(int(text)) if re.fullmatch("[0-9]{1,9}", text) else None
        if special.name != "queue" or item is None:
            raise RefusedError(404, f"Provided id ({text}) not found")
        if not self._cancel(request, item):
            raise RefusedError(500, f"Could not cancel run for id {item.id}")
        return web.Response(status=204)

    def _cancel_here(self, request: web.Request, item: Item, form: Form) -> web.Response:
        self._cancel(request, item)
        return _redirect(302, self._renderer.item_url(item.id))

    def _cancel(self, request: web.Request, item: Item) -> bool:
        cancelled = self._controller.cancel(item)
        if cancelled:
            changed(request, "jenkins.cancel", job=item.job, queue_id=item.id)
        return cancelled


def _redirect(status: int, location: str) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


def _refuse_unbuildable(job: Job, mark: str = "") -> None:
    if job.disabled:
        raise RefusedError(409, f"{job.path} is not buildable{mark}")


def _given(request: web.Request, form: Form, name: str) -> list[str]:
    values = [*request.query.getall(name, []), *form.getall(name, [])]
    return [value for value in values if isinstance(value, str)]


def _single(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise RefusedError(400, f"Illegal number of parameter values for {name}: {len(values)}")
    return values[0] if values else ""


def _delay(values: list[str]) -> float | None:
    if not values:
        return None
    match = _DELAY.fullmatch(values[0])
    if match is None:
        raise RefusedError(400, f"Invalid delay: {values[0]}")
    return float(match[1])


def _submitted(request: web.Request, form: Form) -> dict[str, Any]:
    text = "".join(_given(request, form, "json")[:1])
    if not text:
        raise RefusedError(400, "Nothing is submitted")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(400, "Failed to parse form data. Please report this problem as a bug") from None
    if not isinstance(data, dict):
        raise RefusedError(400, "Failed to parse form data. Please report this problem as a bug")
    return data


def _parameters_of(job: Job, submitted: dict[str, Any]) -> dict[str, str]:
    given = submitted.get("parameter") or []
    parameters: dict[str, str] = {}
    for entry in given if isinstance(given, list) else [given]:
        name = entry.get("name") if isinstance(entry, dict) else None
        if name not in job.parameters:
            raise RefusedError(400, f"No such parameter definition: {name}")
        value = entry.get("value", "")
        parameters[name] = value if isinstance(value, str) else json.dumps(value)
    return parameters
