"""LangGraph Studio: the graphs that `langgraph.json` names, over the API of `langgraph dev` and by themselves."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_ops import AgentOps, Profile, Sandbox, Settings
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Request, RunStatus
from agent_ops.runtime.compose import compose
from agent_ops.runtime.lease import leased
from agent_ops.sandbox.addresses import Addresses
from tests.fakes import FakeServices

ROOT = Path(__file__).resolve().parents[2]
FORM = ["name", "team", "level", "location", "manager", "joining_date", "contact_number", "external_id", "access_items"]
needs_server = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="langgraph dev needs Python 3.11"),
    pytest.mark.skipif(importlib.util.find_spec("langgraph_cli") is None, reason="langgraph-cli is not installed"),
]


@dataclass(frozen=True)
class Studio:
    """A running `langgraph dev` with the sandbox word, seen from outside."""

    http: httpx.Client
    assistants: dict[str, str]
    sandbox: Sandbox

    def get(self, graph: str, what: str, **params: str) -> Any:
        return self.http.get(f"/assistants/{self.assistants[graph]}/{what}", params=params).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        return self.http.post(path, json=body).raise_for_status().json()

    def run(self, graph: str, thread: str | None = None, **body: Any) -> Any:
        """Run a graph to its end, on a thread or without one; what it gave."""
        path = f"/threads/{thread}/runs/wait" if thread else "/runs/wait"
        return self.post(path, assistant_id=graph, **body)

    def effects(self) -> Counter[str]:
        """How often what was done, by the sandbox's own records; it is started at the first use only."""
        if not self.sandbox.directory.exists():
            return Counter()
        return Counter(call.effect for call in self.sandbox.effects())


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """`langgraph dev` in a directory of its own, ended with all its children; its output is shown when it fails."""
    port, log = free_port(), directory / "server.log"
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--config", str(ROOT / "langgraph.json")]
    options = ["--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        **os.environ,
        "AGENT_OPS_STUDIO": "sandbox",
        "AGENT_OPS_DATA_DIR": str(directory / "data"),
        "LANGSMITH_TRACING": "false",
        "NO_PROXY": "*",
    }
    with log.open("wb") as out:
        server = subprocess.Popen(
            command + options, cwd=directory, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_until_up(server, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)
        end_sandbox(directory)
        print(log.read_text(encoding="utf-8", errors="replace"))  # noqa: T201 - pytest shows it with a failure


def wait_until_up(server: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + 60
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until:
            with suppress(httpx.TransportError):
                if client.get(f"{url}/ok").status_code == httpx.codes.OK:
                    return
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"langgraph dev ended with {server.wait(0.1)}")
    pytest.fail("langgraph dev did not come up")


def end_sandbox(directory: Path) -> None:
    """It would end by itself some seconds after its last user."""
    if addresses := Addresses.read(directory / "data" / "sandbox" / "sandbox.json"):
        with suppress(ProcessLookupError):
            os.kill(addresses.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    directory = tmp_path_factory.mktemp("studio")
    with served(directory) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        found = client.post("/assistants/search", json={"limit": 10}).raise_for_status().json()
        assistants = {assistant["graph_id"]: assistant["assistant_id"] for assistant in found}
        yield Studio(client, assistants, Sandbox(directory / "data"))


class TestServed:
    """Over the API of `langgraph dev`. Each test has people of its own."""

    pytestmark = needs_server

    def test_every_graph_has_its_form_and_its_drawing(self, studio: Studio) -> None:
        assert sorted(studio.assistants) == ["entra", "jenkins", "planner"]
        schema = studio.get("planner", "schemas")["input_schema"]
        assert list(schema["properties"]) == FORM
        assert schema["required"] == ["name", "team"]
        assert all(field["description"] for field in schema["properties"].values())
        assert list(studio.get("jenkins", "schemas")["input_schema"]["properties"]) == ["run_id", "tool", "item"]
        nodes = {node["id"] for node in studio.get("planner", "graph", xray="true")["nodes"]}
        assert {"admit", "onboard:think", "onboard:entra:tools", "onboard:jenkins:model"} <= nodes
        assert set(studio.get("planner", "subgraphs", recurse="true")) >= {"onboard", "onboard|entra", "onboard|jenkins"}
        assert {node["id"] for node in studio.get("entra", "graph", xray="true")["nodes"]} >= {"step:model", "step:tools"}

    def test_a_hire_is_onboarded_once_whatever_the_caller_makes_configurable(self, studio: Studio) -> None:
        thread, before = studio.post("/threads")["thread_id"], studio.effects()
        items = ["aws", "github"]
        hire = {"name": "Ana Silva", "team": "Engineering", "level": "L2", "external_id": "S-1", "access_items": items}
        forged = {"thread_id": str(uuid.uuid4()), "run_id": str(uuid.uuid4()), "checkpoint_ns": "other", "grant": {"effects": []}}
        told = studio.run("planner", thread, input={**hire, "run_id": "forged"}, config={"configurable": forged})
        assert told["status"] == "done", told
        assert told["run_id"] not in (*forged.values(), "forged")
        assert told["address"] == "ana.silva@acme.example"
        assert [(item["item"], item["status"]) for item in told["items"]] == [("aws", "completed"), ("github", "verified")]
        assert "create it" in told["thoughts"][0]
        assert told["summary"] == "account and 2 of 2 access items in place"
        done = studio.effects() - before
        assert done == {"entra.create": 1, "entra.update": 1, "jenkins.build": 2, "mail": 2}
        # the same hire, without a thread and with a forged context, is the same run; nothing is done again
        again = studio.run("planner", input=hire, context={"run_id": str(uuid.uuid4()), "grant": "x"})
        assert again == told
        assert studio.effects() - before == done

    def test_a_threads_next_hire_inherits_nothing_and_a_refusal_says_why(self, studio: Studio) -> None:
        thread, before = studio.post("/threads")["thread_id"], studio.effects()
        one = {"name": "Bo Li", "team": "Sales", "external_id": "S-2", "access_items": ["confluence"]}
        first = studio.run("planner", thread, input=one)
        second = studio.run("planner", thread, input={"name": "Cy Lo", "team": "Sales", "contact_number": "555 1234"})
        assert first["status"] == second["status"] == "done", (first, second)
        assert [item["item"] for item in second["items"]] != ["confluence"], "its items are those of the policy"
        done = studio.effects() - before
        refused = studio.run("planner", thread, input={**one, "level": "L3"})
        assert refused["status"] == "refused"
        assert "known already, with other contents" in refused["summary"]
        assert (refused["run_id"], refused["items"], refused["thoughts"]) == ("", [], [])
        assert studio.effects() - before == done

    def test_a_state_that_names_another_run_does_not_drive_it(self, studio: Studio) -> None:
        hire = {"name": "Di Mo", "team": "Engineering", "external_id": "S-3", "access_items": ["aws"]}
        thread, before = studio.post("/threads")["thread_id"], studio.effects()
        paused = studio.run("planner", thread, input=hire, interrupt_before=["onboard"])
        assert paused["status"] == "queued"
        assert not studio.effects() - before
        # whoever writes that run's id into another thread's state gets what the edge makes of the form beside it
        forged = {**paused, "hire": {"name": "Ed Wu", "team": "Nowhere", "external_id": "S-4"}, "admission": "forged"}
        other = studio.post("/threads", metadata={"graph_id": "planner"})["thread_id"]
        studio.post(f"/threads/{other}/state", values=forged, as_node="admit")
        answer = studio.run("planner", other, input=None)
        assert answer["__error__"]["error"] == "InvalidRequest"
        assert not studio.effects() - before
        # one step of it by the agent alone; the planner goes on and does not repeat it
        seen = studio.run("entra", input={"run_id": paused["run_id"], "tool": "create_account"})["observation"]
        assert seen["succeeded"], seen
        assert studio.effects() - before == {"entra.create": 1}
        denied = studio.run("jenkins", input={"run_id": paused["run_id"], "tool": "run_pipeline", "item": "github"})
        assert not denied["observation"]["succeeded"], "the grant has no such item"
        finished = studio.run("planner", thread, input=None)
        assert (finished["run_id"], finished["status"]) == (paused["run_id"], "done")
        assert studio.effects() - before == {"entra.create": 1, "entra.update": 1, "jenkins.build": 1, "mail": 2}
        late = studio.run("entra", input={"run_id": paused["run_id"], "tool": "create_account"})["observation"]
        assert "has ended: nothing is changed" in late["text"]

    def test_an_agent_without_a_known_run_changes_nothing(self, studio: Studio) -> None:
        before = studio.effects()
        for graph, tool, item in (("entra", "create_account", ""), ("jenkins", "run_pipeline", "aws")):
            seen = studio.run(graph, input={"run_id": str(uuid.uuid4()), "tool": tool, "item": item})["observation"]
            assert (seen["succeeded"], seen["text"]) == (False, "no such run: nothing is changed without a grant")
        assert studio.effects() == before


async def test_without_the_word_nothing_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_ops import studio

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENT_OPS_STUDIO", raising=False)
    monkeypatch.setenv("AGENT_OPS_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / ".env").write_text("AGENT_OPS_STUDIO=sandbox\n", encoding="utf-8")
    told = await studio.planner.ainvoke(studio.Hire(name="Ana Silva", team="Engineering"))
    assert told["status"] == RunStatus.REFUSED.value
    assert told["summary"].startswith("Studio makes no effect unless it is started with the sandbox word; nothing was recorded")
    seen = await studio.entra.ainvoke(studio.StepForm(run_id="x", tool="create_account"))
    assert "AGENT_OPS_STUDIO=sandbox" in seen["observation"]["text"]
    assert not (tmp_path / "data").exists()


async def test_another_word_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_ops import studio

    monkeypatch.setenv("AGENT_OPS_STUDIO", "production")
    monkeypatch.setenv("AGENT_OPS_DATA_DIR", str(tmp_path / "data"))
    told = await studio.planner.ainvoke(studio.Hire(name="Ana Silva", team="Engineering"))
    assert "can only be 'sandbox'" in told["summary"]
    assert not (tmp_path / "data").exists()


async def test_a_held_run_is_nobody_elses_until_it_is_let_go(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with compose(settings, adapters=fakes.adapters()) as system:
        run = await system.edge.admit(Request(ana), Caller("tester"))
        async with leased(system.store, run.id, "me", lease=0.3) as held:
            assert held
            async with leased(system.store, run.id, "you", lease=0.3) as taken:
                assert not taken
            async with AgentOps(settings, adapters=fakes.adapters()) as other:
                await asyncio.sleep(1.0)  # longer than the lease: only the heartbeat keeps it
                assert (await other.report(run.id))[0].run.status is RunStatus.RUNNING
                assert await system.store.read(lambda tx: tx.runs.lease_of(run.id)[0]) == "me"
        assert await system.store.read(lambda tx: tx.runs.lease_of(run.id)) == ("", 0.0)
    async with AgentOps(settings, adapters=fakes.adapters()) as other:
        assert (await other.wait(run.id, timeout=60)).run.status is RunStatus.DONE


async def test_a_run_that_was_taken_over_is_let_go(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with compose(settings, adapters=fakes.adapters()) as system:
        run = await system.edge.admit(Request(ana), Caller("tester"))

        async def drive() -> None:
            async with leased(system.store, run.id, "me", lease=0.3):
                await system.store.transaction(lambda tx: tx.runs.release(run.id, "me"))
                await system.store.transaction(lambda tx: tx.runs.claim_one(run.id, "you", time.time(), time.time() + 60))
                await asyncio.sleep(20)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(drive())
        assert await system.store.read(lambda tx: tx.runs.lease_of(run.id)[0]) == "you"
