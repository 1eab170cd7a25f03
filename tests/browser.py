"""A real Chromium, driven by its DevTools protocol: https://chromedevtools.github.io/devtools-protocol/"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SECONDS = 120.0


class Refused(AssertionError):
    """The browser does not do what it is asked; of a page that is just being left, it tells no value."""


@dataclass
class Tab:
    """One tab, and whoever sits before it: asked for a password they type this one, or close the dialogue when they have none.

    ``asked_for`` are the realms of the dialogues, ``said`` the console's errors and what was thrown, ``fetched`` all URLs.
    """

    socket: ClientConnection
    password: str = ""
    asked_for: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    status: int = 0
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def open(self, url: str) -> None:
        """Go to a page, as by typing its address; ``status`` is then the answer's."""
        self.status = 0
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def wait_for(self, expression: str, seconds: float = _SECONDS) -> Any:
        """The expression's value, which is no object, once it is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(Refused):
                if found := self.value(expression):
                    return found
            time.sleep(0.05)  # a page has no event for every thing that may be waited for
        raise AssertionError(f"{expression} does not come true on\n{self.value('document.body.innerText')}\n{self.said}")

    def value(self, expression: str) -> Any:
        """What the page's own JavaScript says, after a promise."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    def type_into(self, selector: str, text: str) -> None:
        """Click the first such field and type."""
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def click(self, words: str) -> None:
        """Click the button with these words on it."""
        button = f"[...document.querySelectorAll('button')].find(one => one.innerText.trim() === {json.dumps(words)})"
        self.wait_for(f"!!{button} && !{button}.disabled")
        self.value(f"{button}.click()")

    def picture(self, path: Path) -> None:
        """Keep what can be seen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method, and answer what the browser asks meanwhile."""
        number = self._send(method, **params)
        while True:
            message = json.loads(self.socket.recv(timeout=_SECONDS))
            if message.get("id") == number:
                if "error" in message:
                    raise Refused(message)
                result: dict[str, Any] = message["result"]
                return result
            self._heard(message.get("method", ""), message.get("params", {}))

    def _send(self, method: str, **params: Any) -> int:
        number = next(self._ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        return number

    def _heard(self, method: str, told: dict[str, Any]) -> None:
        if method == "Fetch.requestPaused":
            self.fetched.append(told["request"]["url"])
            self._send("Fetch.continueRequest", requestId=told["requestId"])
        elif method == "Fetch.authRequired":
            self.asked_for.append(told["authChallenge"]["realm"])
            with_key = {"response": "ProvideCredentials", "username": "me", "password": self.password}
            said = with_key if self.password else {"response": "CancelAuth"}
            self._send("Fetch.continueWithAuth", requestId=told["requestId"], authChallengeResponse=said)
        elif method == "Network.responseReceived" and told["type"] == "Document":
            self.status = told["response"]["status"]
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.said.append(told["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(told["exceptionDetails"])[:500])


@contextlib.contextmanager
def chromium(profile: Path, password: str = "") -> Iterator[Tab]:
    """A browser with a profile of its own and one tab, at which somebody sits who knows this password."""
    assert CHROMIUM
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--proxy-server=direct://"]
    command = [CHROMIUM, *options, *quiet, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = next(found[1] for line in process.stderr if (found := re.search(r"listening on ws://127.0.0.1:(\d+)/", line)))
            (page,) = (one for one in httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json() if one["type"] == "page")
            with connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                tab = Tab(socket, password)
                for domain in ("Page", "Runtime", "Network", "Log"):
                    tab.call(f"{domain}.enable")
                tab.call("Fetch.enable", handleAuthRequests=True, patterns=[{"urlPattern": "*"}])
                yield tab
        finally:
            process.terminate()
            process.communicate(timeout=30)
