"""What the Jenkins twin says on the wire, beyond what the client libraries look at."""

from __future__ import annotations

import ast
import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent_ops.sandbox.jenkins import Outcome
from agent_ops.sandbox.jenkins.export import MalformedQueryError, parse_tree
from tests.contract.jenkins_bench import TOKEN, USER, Bench, basic, served

AWS = "/job/provisioning/job/aws"
LONG = 60.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


# Who may do what


async def test_wrong_credentials_and_none(bench: Bench) -> None:
    async with aiohttp.ClientSession() as anybody:
        wrong = {"Authorization": basic("mallory", "guess")}
        async with anybody.get(bench.base_url + "/api/json", headers=wrong) as response:
            assert response.status == 401 and response.headers["WWW-Authenticate"] == 'Basic realm="Jenkins"'
            assert "Invalid password/token for user: mallory" in await response.text()
        async with anybody.get(bench.base_url + "/api/json", headers={"Authorization": "Basic %%%"}) as response:
            assert response.status == 401
        async with anybody.get(bench.base_url + AWS + "/api/json") as response:
            assert response.status == 403 and response.content_type == "text/html"
            assert "Authentication required" in await response.text()
        async with anybody.get(bench.base_url + "/login") as response:
            assert response.status == 200
            assert response.headers["X-Jenkins"].startswith("2.") and "X-Hudson" in response.headers


async def test_a_post_needs_a_crumb_and_without_the_stricter_rule_a_token_is_enough(bench: Bench) -> None:
    path = f"{AWS}/buildWithParameters?REQUEST_ID=1"
    async with bench.http.post(bench.base_url + path) as response:
        assert response.status == 403
        assert "No valid crumb was included in the request" in await response.text()
    assert await bench.status("POST", path, headers={"Jenkins-Crumb": "0" * 64}) == 403
    assert bench.effects() == []
    assert (await bench.post(path)).status == 201
    bench.twin.require_crumb = False
    assert await bench.status("POST", path) == 201
    assert await bench.status("POST", path, headers={"Jenkins-Crumb": "0" * 64}) == 201


async def test_a_session_always_needs_the_crumb_that_was_made_for_it(bench: Bench) -> None:
    bench.twin.require_crumb = False
    jar = aiohttp.CookieJar(unsafe=True)
    login = {"j_username": USER, "j_password": TOKEN}
    path = f"{bench.base_url}{AWS}/buildWithParameters"
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.post(path) as response:
            assert response.status == 403 and "No valid crumb" in await response.text()
        async with browser.post(f"{bench.base_url}/j_spring_security_check", data=login) as response:
            assert response.status == 200, "signed in and sent to the dashboard"
        assert (await browser.post(path)).status == 403
        crumb = await (await browser.get(f"{bench.base_url}/crumbIssuer/api/json")).json()
        foreign = await bench.get("/crumbIssuer/api/json")
        assert (await browser.post(path, headers={"Jenkins-Crumb": foreign["crumb"]})).status == 403
        assert (await browser.post(path, data={"Jenkins-Crumb": crumb["crumb"]})).status == 201
        bench.twin.restart()
        assert (await browser.get(f"{bench.base_url}/api/json")).status == 403, "sessions end with the controller"


async def test_administration_is_forbidden(bench: Bench) -> None:
    for path in ("/quietDown", "/safeRestart", "/scriptText", "/createItem?name=x", f"{AWS}/doDelete", f"{AWS}/config.xml"):
        response = await bench.post(path)
        assert response.status == 403, path
        assert "is missing the" in response.text


# Triggers


async def test_the_201_has_a_location_and_no_body(bench: Bench) -> None:
    response = await bench.post(f"{AWS}/buildWithParameters?REQUEST_ID=a%20b%2Fc", data={"USER": "ünï"})
    assert response.status == 201 and response.text == ""
    assert response.headers["Location"] == f"{bench.base_url}/queue/item/1/"
    assert await bench.status("GET", "/queue/item/1/") == 404, "the queue item's own address has no page"
    build = await bench.get(f"{AWS}/lastBuild/api/json?tree=actions[parameters[name,value]]")
    parameters = {parameter["name"]: parameter["value"] for parameter in build["actions"][0]["parameters"]}
    assert parameters == {"REQUEST_ID": "a b/c", "USER": "ünï", "ROLE": ""}


async def test_an_equal_item_gets_303_while_queued_but_not_once_it_left(bench: Bench) -> None:
    first = await bench.post(f"{AWS}/buildWithParameters?REQUEST_ID=1&delay=60sec")
    second = await bench.post(f"{AWS}/buildWithParameters?REQUEST_ID=1")
    assert (first.status, second.status) == (201, 303)
    assert second.headers["Location"] == first.headers["Location"]
    assert (await bench.get("/queue/item/1/api/json"))["_class"].endswith("LeftItem"), "the second asked for no delay"
    third = await bench.post(f"{AWS}/buildWithParameters?REQUEST_ID=1")
    assert third.status == 201 and third.headers["Location"].endswith("/queue/item/2/")
    assert [call.detail["queue_id"] for call in bench.effects()] == [1, 2]


async def test_get_shows_a_form(bench: Bench) -> None:
    for path in (f"{AWS}/buildWithParameters?REQUEST_ID=1", f"{AWS}/build", "/job/nightly/build"):
        async with bench.http.get(bench.base_url + path) as response:
            assert response.status == 405 and response.headers["Allow"] == "POST"
            assert "<form" in await response.text()
    assert bench.effects() == []


async def test_the_web_form_of_a_parameterised_job(bench: Bench) -> None:
    assert (await bench.post(f"{AWS}/build")).status == 400
    assert (await bench.post(f"{AWS}/build", data={"json": "{"})).status == 400
    unknown = {"parameter": {"name": "NOPE", "value": "x"}}
    assert (await bench.post(f"{AWS}/build", data={"json": json.dumps(unknown)})).status == 400
    known = {"parameter": [{"name": "USER", "value": "ann"}, {"name": "ROLE", "value": "r"}]}
    form = {"json": json.dumps({**known, "statusCode": "303", "redirectTo": "."})}
    response = await bench.post(f"{AWS}/build", data=form)
    assert (response.status, response.headers["Location"]) == (303, f"{bench.base_url}{AWS}/")
    assert [call.detail["parameters"] for call in bench.effects()] == [{"USER": "ann", "ROLE": "r"}]


async def test_parameters_given_twice_or_a_bad_delay_are_refused(bench: Bench) -> None:
    assert (await bench.post(f"{AWS}/buildWithParameters?USER=a&USER=b")).status == 400
    assert (await bench.post(f"{AWS}/buildWithParameters?delay=soon")).status == 400
    assert bench.effects() == []


async def test_cancelling_by_address(bench: Bench) -> None:
    bench.twin.set_quiet_period(LONG)
    await bench.trigger("provisioning/job/aws", REQUEST_ID="1")
    assert (await bench.post("/queue/cancelItem?id=1")).status == 204
    assert (await bench.post("/queue/cancelItem?id=1")).status == 500, "it is known still, but cannot be cancelled"
    assert (await bench.post("/queue/cancelItem?id=77")).status == 404
    assert (await bench.post("/queue/cancelItem?id=x")).status == 404
    await bench.trigger("provisioning/job/aws", REQUEST_ID="1")
    assert (await bench.post("/queue/item/2/cancelQueue")).status == 302
    assert (await bench.get("/queue/api/json"))["items"] == []
    assert [call.effect for call in bench.effects()] == ["jenkins.build", "jenkins.cancel"] * 2


# Reads


async def test_tree_and_depth(bench: Bench) -> None:
    for n in range(4):
        await bench.trigger("provisioning/job/aws", REQUEST_ID=str(n))
    cut = await bench.get(AWS + "/api/json?tree=name,builds[number,actions[parameters[value]{1}]]{1,3},nonsense")
    assert cut["name"] == "aws" and [build["number"] for build in cut["builds"]] == [3, 2]
    assert cut["builds"][0]["actions"][0]["parameters"] == [{"_class": "hudson.model.StringParameterValue", "value": ""}]
    assert set(cut) == {"_class", "name", "builds"}
    shallow = await bench.get(AWS + "/api/json")
    assert set(shallow["builds"][0]) == {"_class", "number", "url"} and "allBuilds" not in shallow
    deep = await bench.get(AWS + "/api/json?depth=1")
    assert deep["builds"][0]["result"] == "SUCCESS"
    assert [b["number"] for b in (await bench.get(AWS + "/api/json?tree=allBuilds[number]"))["allBuilds"]] == [4, 3, 2, 1]
    root = await bench.get("/api/json")
    assert root["jobs"][0] == {
        "_class": "com.cloudbees.hudson.plugins.folder.Folder",
        "name": "provisioning",
        "url": f"{bench.base_url}/job/provisioning/",
    }
    nested = await bench.get("/api/json?tree=jobs[name,jobs[name,*]]")
    assert nested["jobs"][0]["jobs"][0]["fullName"] == "provisioning/aws"


@pytest.mark.parametrize("text", ["", "a,", ",b", "a[", "a[b,c", "a[]", "a[b,,]", "a]", "a{}", "a{b}", "a[" * 500 + "b"])
def test_a_malformed_tree(text: str) -> None:
    with pytest.raises(MalformedQueryError):
        parse_tree(text)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("a{,3}", slice(0, 3)), ("a[b]{2}", slice(2, 3)), ("a{2,}", slice(2, None)), ("a{2,5}", slice(2, 5))],
)
def test_ranges_of_a_tree(text: str, bounds: slice) -> None:
    assert parse_tree(text).children["a"].bounds == bounds


async def test_the_flavours(bench: Bench) -> None:
    await bench.trigger("provisioning/job/aws", REQUEST_ID='it\'s "None" ☃')
    build = f"{AWS}/1/api"
    as_json = await bench.get(build + "/json")
    async with bench.http.get(bench.base_url + build + "/python") as response:
        assert response.content_type == "text/x-python" and ast.literal_eval(await response.text()) == as_json
    async with bench.http.get(bench.base_url + build + "/json?pretty=true") as response:
        text = await response.text()
        assert json.loads(text) == as_json and text.startswith('{\n  "_class" : ')
    async with bench.http.get(bench.base_url + build + "/xml") as response:
        assert (await response.text()).startswith('<workflowRun _class="org.jenkinsci.plugins.workflow.job.WorkflowRun">')
    crumb = (await bench.get("/crumbIssuer/api/json"))["crumb"]
    async with bench.http.get(bench.base_url + '/crumbIssuer/api/xml?xpath=concat(//crumbRequestField,":",//crumb)') as response:
        assert await response.text() == f"Jenkins-Crumb:{crumb}"


async def test_the_console_grows_and_can_be_read_on(bench: Bench) -> None:
    lines = tuple(f"line {n}" for n in range(20))
    bench.twin.set_outcome(Outcome("provisioning/aws", {}, "FAILURE", lines, seconds=0.4))
    await bench.trigger("provisioning/job/aws", REQUEST_ID="1")
    read, start, pieces = "", 0, 0
    deadline = time.monotonic() + 5
    more = True
    while more and time.monotonic() < deadline:
        async with bench.http.get(f"{bench.base_url}{AWS}/1/logText/progressiveText?start={start}") as response:
            piece = await response.text()
            start, more = int(response.headers["X-Text-Size"]), response.headers.get("X-More-Data") == "true"
        read, pieces = read + piece, pieces + bool(piece)
        await asyncio.sleep(0.02)
    async with bench.http.get(f"{bench.base_url}{AWS}/1/consoleText") as response:
        assert response.content_type == "text/plain" and await response.text() == read
    assert pieces > 2 and read.endswith("line 19\n[Pipeline] End of Pipeline\nFinished: FAILURE\n")


async def test_permalinks_heads_and_slashes(bench: Bench) -> None:
    bench.twin.set_outcome(Outcome("provisioning/aws", {"ROLE": "bad"}, "FAILURE"))
    await bench.trigger("provisioning/job/aws", ROLE="bad")
    await bench.trigger("provisioning/job/aws", ROLE="good")
    links = ("", "Completed", "Successful", "Stable", "Failed", "Unsuccessful")
    numbers = [(await bench.get(f"{AWS}/last{link}Build/api/json?tree=number"))["number"] for link in links]
    assert numbers == [2, 2, 2, 2, 1, 1]
    assert await bench.status("GET", f"{AWS}/lastUnstableBuild/api/json") == 404
    assert (await bench.get("//job/provisioning//job/aws/1//api/json/"))["number"] == 1
    assert (await bench.get("/view/all/job/provisioning/job/aws/2/api/json"))["number"] == 2
    async with bench.http.head(bench.base_url + "/api/json") as response:
        assert response.status == 200 and response.headers["X-Jenkins"] and await response.read() == b""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/json?tree=a[", 400),
        ("/api/json?depth=x", 400),
        ("/api/json?depth=99999", 200),
        ("/api/yaml", 404),
        ("/job/", 404),
        ("/job/nope/api/json", 404),
        ("/job/%00%ff%F0%9F%92%A9/api/json", 404),
        ("/job/..%2f..%2fetc/api/json", 404),
        ("/queue/item/abc/api/json", 404),
        ("/queue/item/99999999999999999999/api/json", 404),
        ("/queue/item/%C2%B2/api/json", 404),
        (f"{AWS}/99/api/json", 404),
        (f"{AWS}/-1/api/json", 404),
        (f"{AWS}/lastNothingBuild/api/json", 404),
        (f"{AWS}/1x/consoleText", 404),
        ("/computer/nowhere/api/json", 404),
        ("/view/none/api/json", 404),
        ("/static/x.js?%zz=%ff", 404),
    ],
)
async def test_strange_input_is_refused_with_a_page(bench: Bench, path: str, status: int) -> None:
    _, port = bench.base_url.rsplit(":", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {basic(USER, TOKEN)}\r\n\r\n"
    writer.write(head.encode())
    answer = (await asyncio.wait_for(reader.read(), 60)).decode()
    writer.close()
    assert answer.startswith(f"HTTP/1.1 {status} "), answer[:200]
    assert ("text/html" in answer) == (status != 200)


async def test_strange_forms_are_refused(bench: Bench) -> None:
    for content_type, body in (
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n"),
        ("application/x-www-form-urlencoded; charset=klingon", b"a=b"),
        ("application/x-www-form-urlencoded", b"USER=%ff%zz&&&=&%"),
    ):
        headers = {"Content-Type": content_type, "Jenkins-Crumb": (await bench.get("/crumbIssuer/api/json"))["crumb"]}
        status = await bench.status("POST", f"{AWS}/buildWithParameters", data=body, headers=headers)
        assert status in (201, 303, 400), content_type


async def test_lists_are_bounded_however_many_builds_there_are(bench: Bench) -> None:
    for n in range(150):
        await bench.trigger("provisioning/job/aws", REQUEST_ID=str(n))
    listed: Any = await bench.get(AWS + "/api/json?tree=builds[number],firstBuild[number],allBuilds[number]")
    assert len(listed["builds"]) == 100 and listed["firstBuild"]["number"] == 1 and len(listed["allBuilds"]) == 150
