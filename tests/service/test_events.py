"""Events as a stream: in their order, resumed where a reader stopped, and slow readers harm nobody."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.service.served import Service, messages

pytestmark = pytest.mark.slow


def queued(client: httpx.Client, name: str) -> str:
    body = {"name": name, "team": "Engineering", "external_id": f"EV-{name}", "access_items": ["github", "aws"]}
    answer = client.post("/api/users/onboard_user", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


def test_a_stream_tells_a_run_from_its_beginning_to_its_end(client: httpx.Client) -> None:
    run = queued(client, "Eva Events")
    with client.stream("GET", f"/api/runs/{run}/events") as lines:
        assert lines.headers["Content-Type"].startswith("text/event-stream")
        told = list(messages(lines.iter_lines()))
    *events, end = told
    ids = [int(event["id"]) for event in events]
    assert ids == sorted(set(ids))
    assert {event["event"] for event in events} >= {"run", "thought", "action", "mail"}
    assert (events[0]["data"]["status"], events[-1]["data"]["status"]) == ("queued", "done")
    assert (end["event"], end["data"]) == ("end", {"run_id": run})
    assert all(event["data"]["id"] == int(event["id"]) for event in events)


def test_a_reader_goes_on_where_it_stopped(client: httpx.Client) -> None:
    run, taken = queued(client, "Rita Resume"), []
    with client.stream("GET", f"/api/runs/{run}/events") as lines:
        for message in messages(lines.iter_lines()):
            taken.append(message)
            if len(taken) == 3:
                break
    with client.stream("GET", f"/api/runs/{run}/events", headers={"Last-Event-ID": taken[-1]["id"]}) as lines:
        rest = list(messages(lines.iter_lines()))
    with client.stream("GET", f"/api/runs/{run}/events") as lines:
        assert list(messages(lines.iter_lines())) == taken + rest
    with client.stream("GET", f"/api/runs/{run}/events", params={"after": int(taken[-1]["id"])}) as lines:
        assert list(messages(lines.iter_lines())) == rest


def test_a_run_that_waits_holds_no_reader_who_goes_on_when_it_does(client: httpx.Client) -> None:
    """Ten seconds without a byte are what many clients give up after."""
    assert client.post("/api/pauses", json={"reason": "a freeze"}).status_code == 201
    try:
        run = queued(client, "Walt Waits")
        with client.stream("GET", f"/api/runs/{run}/events", timeout=10) as lines:
            *events, last = list(messages(lines.iter_lines()))
        assert (last["event"], last["data"]["run_id"]) == ("waiting", run)
        assert 0 < last["data"]["wakes_in"] <= 60
        assert last["id"] == events[-1]["id"]
        with client.stream("GET", f"/api/runs/{run}/events", headers={"Last-Event-ID": last["id"]}, timeout=10) as lines:
            assert [message["event"] for message in messages(lines.iter_lines())] == ["waiting"]
    finally:
        assert client.delete("/api/pauses").status_code == 200
    with client.stream("GET", f"/api/runs/{run}/events", headers={"Last-Event-ID": last["id"]}) as lines:
        rest = list(messages(lines.iter_lines()))
    assert (rest[-1]["event"], rest[-2]["data"]["status"]) == ("end", "done")


def test_a_reader_who_never_reads_harms_nobody(service: Service, client: httpx.Client, key: str) -> None:
    """It takes up a socket's buffer; whoever reads the same run is told everything at once."""
    run = queued(client, "Nora Neverreads")
    address = urlsplit(service.url)
    request = f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    deaf = []
    try:
        for _ in range(40):
            one = socket.create_connection((address.hostname, address.port))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(request)
            deaf.append(one)
        with client.stream("GET", f"/api/runs/{run}/events", timeout=30) as lines:
            assert list(messages(lines.iter_lines()))[-1]["event"] == "end"
        assert client.get("/healthz").elapsed.total_seconds() < 2
    finally:
        for one in deaf:
            one.close()


def test_there_is_no_stream_of_what_is_not_there(client: httpx.Client) -> None:
    assert client.get("/api/runs/00000000-0000-0000-0000-000000000000/events").status_code == 404
    assert client.get("/api/runs/x/events").status_code == 422
    run = queued(client, "Lea Lastid")
    assert client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": "x; DROP"}).status_code == 422
