"""The playground in a real browser: a person types their key, fills the form in, and sees what comes of it; nobody else can."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_ops import Sandbox
from tests.service.served import Service, key_for, serving

pytest.importorskip("websockets")
from tests.browser import CHROMIUM, Tab, chromium

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
TEXT = "document.body.innerText"
RUN_ID = f"""({TEXT}.match(/"run_id": "([^"]+)"/) || [])[1]"""
FIELD = "#/properties/{}-input"
TOLD = "setTimeout(() => setTimeout(() => requestAnimationFrame(() => setTimeout(done)), 10), 300)"  # see `fill_in`


@pytest.fixture(scope="module")
def playing(sandbox: Sandbox) -> Iterator[Service]:
    with serving(sandbox.data_dir, "--playground") as running:
        yield running


def fill_in(tab: Tab, **fields: str) -> None:
    """As a person does: LangServe's form loses a field that is typed into within a few milliseconds of another.

    A field tells its form by a timer of 300 ms, the form its page by one of 10 ms; the page then draws the form anew.
    """
    for name, text in fields.items():
        tab.type_into(f"[id='{FIELD.format(name)}']", text)
        tab.value(f"new Promise(done => {TOLD})")
    for name, text in fields.items():
        assert tab.value(f"document.getElementById('{FIELD.format(name)}').value") == text, name


def test_a_person_fills_the_form_in_and_sees_the_answer(playing: Service, tmp_path: Path) -> None:
    key = key_for(playing.data_dir, "task:read", "onboard", "pii", name="player")
    with chromium(tmp_path / "profile", key) as tab:
        tab.open(f"{playing.url}/langserve/github/playground/")
        assert (tab.status, tab.asked_for) == (200, ["agent-ops"])
        fill_in(tab, task="List open pull requests of acme/web")
        tab.click("Start")
        tab.wait_for(f"{TEXT}.includes('25 sources read')")
        tab.open(f"{playing.url}/langserve/planner/playground/")
        fill_in(tab, name="Paula Grund", team="Engineering", external_id="PLAY-1")
        tab.click("Start")
        tab.wait_for(f"{TEXT}.includes('access items in place')")
        run_id = tab.wait_for(RUN_ID)  # the outcome comes after the last event
        tab.picture(tmp_path / "planner.png")
        assert tab.said == []
        assert {url.partition("/langserve/")[0] for url in tab.fetched} == {playing.url}
        fill_in(tab, task="and a task")  # both are refused, and the page says so
        tab.click("Start")
        tab.wait_for(f"{TEXT}.includes('give a hire or a task, and not both')")
    with playing.client(key_for(playing.data_dir, "status", "pii", name="audit")) as client:
        assert client.get(f"/api/runs/{run_id}").json()["status"] == "done"
        assert client.get("/api/users/Paula Grund").status_code == 200


def test_without_a_key_there_is_no_page(playing: Service, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile") as tab:
        tab.open(f"{playing.url}/langserve/planner/playground/")
        assert (tab.status, tab.asked_for) == (401, ["agent-ops"])
        assert not tab.value("!!document.querySelector('#root')")


def test_no_other_page_can_make_the_browser_use_the_key(playing: Service, tmp_path: Path) -> None:
    """The one that tries lies on the same host, so that no rule of the browser's own keeps the key from being sent."""
    key = key_for(playing.data_dir, name="victim")
    target = f"{playing.url}/langserve/planner/stream_log"
    said = json.dumps({"input": {"task": "List EC2 instances"}})
    field = """<input name='{"input": {"task": "List EC2 instances"}, "config": {"x": "' value='"}}'>"""  # JSON by a form
    form = f'<form method=post enctype=text/plain action="{target}">{field}</form>'
    page = f"""<!doctype html><title>evil</title>{form}<iframe src="{playing.url}/langserve/planner/playground/"></iframe>
        <script>
        const options = {{method: 'POST', credentials: 'include', body: {json.dumps(said)}}};
        fetch('{target}', {{...options, mode: 'no-cors'}}).then(a => window.simple = a.type, e => window.simple = 'error');
        fetch('{target}', {{...options, headers: {{'Content-Type': 'application/json'}}}})
          .then(a => window.full = a.type, e => window.full = 'error');
        </script>"""
    with chromium(tmp_path / "profile", key) as tab, evil(page) as url:
        tab.open(f"{playing.url}/langserve/planner/playground/")
        tab.wait_for("!!document.querySelector('textarea')")
        before = runs(playing)
        tab.open(url)
        tab.wait_for("window.simple && window.full")
        assert tab.value("[window.simple, window.full].join()") == "error,error"
        assert not tab.value("(() => { try { return !!frames[0].document.title } catch { return false } })()")
        tab.value("document.forms[0].submit()")
        tab.wait_for("location.pathname.endsWith('stream_log')")
        assert tab.status == 403
        assert runs(playing) == before
        assert len(tab.asked_for) == 1  # the key was known, and would have been sent


def runs(service: Service) -> list[str]:
    with service.client(key_for(service.data_dir, "status", name="audit")) as client:
        return [run["id"] for run in client.get("/api/runs").json()]


@contextlib.contextmanager
def evil(page: str) -> Iterator[str]:
    """Another service of the same host, which serves a page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
