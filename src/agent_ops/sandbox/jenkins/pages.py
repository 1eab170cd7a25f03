"""What Jenkins answers outside its API: error pages as Jetty and Jenkins write them, plain HTML pages, ``config.xml``."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from html import escape
from http import HTTPStatus

from aiohttp import web

from agent_ops.sandbox.jenkins.model import Job


class RefusedError(Exception):
    """The request is answered with an error page."""

    def __init__(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        reason = HTTPStatus(self.status).phrase
        message = escape(self.message or reason)
        text = (
            f'<html><head><meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>'
            f"<title>Error {self.status} {message}</title></head><body><h2>HTTP ERROR {self.status} {message}</h2>"
            f"<table><tr><th>STATUS:</th><td>{self.status}</td></tr><tr><th>MESSAGE:</th><td>{message}</td></tr></table>"
            f"<hr/><i>Powered by Jetty</i><hr/></body></html>"
        )
        return html_page(text, self.status, self.headers)


def not_found() -> RefusedError:
    return RefusedError(404, "Not Found")


def unauthorized(user: str) -> RefusedError:
    """Wrong credentials (``BasicHeaderProcessor``)."""
    return RefusedError(401, f"Invalid password/token for user: {user}", {"WWW-Authenticate": 'Basic realm="Jenkins"'})


class ForbiddenError(RefusedError):
    """Somebody who is signed in may not do this: a page of Jenkins's own (``Jenkins/accessDenied.jelly``), not Jetty's."""

    def response(self) -> web.Response:
        message = escape(self.message)
        text = (
            f"<!DOCTYPE html><html><head><title>Access Denied [Jenkins]</title><script src='/static/x.js'>var x = 1;</script>"
            f"</head><body id='jenkins'><header><a href='/'>Jenkins</a></header><div id='main-panel'><h1>Access Denied</h1>"
            f"<p class='error'>{message}</p></div><footer>Jenkins</footer></body></html>"
        )
        return html_page(text, self.status, self.headers)


def forbidden(user: str, permission: str) -> RefusedError:
    headers = {"X-You-Are-Authenticated-As": user, "X-Required-Permission": f"hudson.model.{permission.replace('/', '.')}"}
    return ForbiddenError(403, f"{user} is missing the {permission} permission", headers)


def starting() -> web.Response:
    """What everything answers while the controller loads (``hudson.util.HudsonIsLoading``): no Retry-After, no JSON."""
    text = (
        "<!DOCTYPE html><html><head><title>Starting Jenkins</title></head><body><h1>Please wait while Jenkins is getting ready "
        "to work<span id='loading'>...</span></h1><p>Your browser will reload automatically when Jenkins is ready.</p>"
        "</body></html>"
    )
    return html_page(text, 503)


def oops(exception: str) -> RefusedError:
    """An exception inside Jenkins, which it shows as 'Oops!' with status 500."""
    return RefusedError(500, f"Oops! A problem occurred while processing the request. {exception}")


def html_page(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8", headers=headers)


def login_required(path: str) -> web.Response:
    """Nobody is signed in: 403 with a page that sends browsers to the login form."""
    target = escape(f"/login?from={path}", quote=True)
    text = (
        f"<html><head><meta http-equiv='refresh' content='1;url={target}'/>"
        f"<script id='redirect' data-redirect-url='{target}' src='/static/scripts/redirect.js'></script></head>"
        f"<body style='background-color:white; color:white;'>Authentication required</body></html>"
    )
    return html_page(text, 403, {"X-You-Are-Authenticated-As": "anonymous", "X-Required-Permission": "hudson.model.Hudson.Read"})


def post_required(title: str, parameters: tuple[str, ...] = ()) -> web.Response:
    """A form instead of an action: the method must be POST."""
    names = [escape(name, quote=True) for name in parameters]
    fields = "".join(f"<input name='name' type='hidden' value='{name}'/><input name='value'/>" for name in names)
    text = (
        f"<html><head><title>{escape(title)} [Jenkins]</title></head><body>You must use POST method to trigger builds."
        f"<form method='post'>{fields}<button>Build</button></form></body></html>"
    )
    return html_page(text, 405, {"Allow": "POST"})


def plain_page(title: str) -> web.Response:
    """Stands for every page that people look at in a browser."""
    text = escape(title)
    return html_page(f"<!DOCTYPE html><html><head><title>{text} [Jenkins]</title></head><body>{text}</body></html>")


def config_xml(job: Job) -> str:
    """The job's configuration file, as far as clients read it: description, parameters, whether it is disabled."""
    root = ET.Element("project" if job.freestyle else "flow-definition")
    ET.SubElement(root, "description")
    ET.SubElement(root, "keepDependencies").text = "false"
    properties = ET.SubElement(root, "properties")
    if job.parameters:
        holder = ET.SubElement(properties, "hudson.model.ParametersDefinitionProperty")
        definitions = ET.SubElement(holder, "parameterDefinitions")
        for name in job.parameters:
            definition = ET.SubElement(definitions, "hudson.model.StringParameterDefinition")
            ET.SubElement(definition, "name").text = name
            ET.SubElement(definition, "defaultValue")
            ET.SubElement(definition, "trim").text = "false"
    if job.freestyle:
        ET.SubElement(root, "scm", {"class": "hudson.scm.NullSCM"})
    ET.SubElement(root, "disabled").text = str(job.disabled).lower()
    return "<?xml version='1.1' encoding='UTF-8'?>\n" + ET.tostring(root, encoding="unicode")
