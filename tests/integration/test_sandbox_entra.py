"""The sandbox's Entra twin in its own process: signed in to by certificate, and steered from outside."""

from __future__ import annotations

import asyncio
import ssl
import time
import urllib.error
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
import requests

from agent_ops.sandbox import Sandbox

SCOPE = "https://graph.microsoft.com/.default"


def _token(box: Sandbox) -> str:
    """A token by the certificate that the addresses name."""
    addresses = box.addresses
    private, begin, public = Path(addresses.client_certificate_file).read_text().partition("-----BEGIN CERTIFICATE-----")
    with requests.Session() as session:
        session.trust_env, session.verify = False, addresses.ca_file
        application = msal.ConfidentialClientApplication(
            addresses.client_id,
            client_credential={"private_key": private, "public_certificate": begin + public},
            authority=f"{addresses.entra_url}/{addresses.tenant_id}",
            instance_discovery=False,
            http_client=session,
        )
        return str(application.acquire_token_for_client([SCOPE])["access_token"])


@pytest.fixture
async def graph(box: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await asyncio.to_thread(_token, box)}"}
    trust = ssl.create_default_context(cafile=box.addresses.ca_file)
    async with httpx.AsyncClient(
        base_url=f"{box.addresses.entra_url}/v1.0", headers=headers, verify=trust, trust_env=False
    ) as client:
        yield client


async def _json(graph: httpx.AsyncClient, path: str, **params: str) -> Any:
    response = await graph.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def _seats(graph: httpx.AsyncClient) -> int:
    rows = (await _json(graph, "/subscribedSkus"))["value"]
    return int(next(row["prepaidUnits"]["enabled"] for row in rows if row["skuPartNumber"] == "SPE_E3"))


async def test_people_groups_and_contacts_are_planted(box: Sandbox, graph: httpx.AsyncClient) -> None:
    domain = box.addresses.domain
    guest = await box.plant_user("gast_x#EXT#@" + domain, "Gast", userType="Guest", mail="gast@partner.example")
    assert (await _json(graph, f"/users/{guest}", **{"$select": "userType,mail"}))["userType"] == "Guest"
    admin = await box.plant_user(f"planted.admin@{domain}", roles=["Global Administrator"], accountEnabled=False)
    assignments = "/roleManagement/directory/roleAssignments"
    assert len((await _json(graph, assignments, **{"$filter": f"principalId eq '{admin}'"}))["value"]) == 1
    gone = await box.plant_user(f"planted.gone@{domain}", deleted=True)
    assert (await _json(graph, f"/directory/deletedItems/{gone}"))["userPrincipalName"].endswith(f"planted.gone@{domain}")
    group = await box.plant_group("Planted", mail=f"planted@{domain}", licence="SPE_E3")
    assert (await _json(graph, f"/groups/{group}"))["mail"] == f"planted@{domain}"
    contact = await box.plant_contact("Planted press", f"planted.press@{domain}")
    assert (await _json(graph, f"/contacts/{contact}"))["mail"] == f"planted.press@{domain}"
    with pytest.raises(urllib.error.HTTPError, match="409"):
        await box.plant_contact("Again", f"planted@{domain}")


async def test_a_licence_runs_out_and_is_bought(box: Sandbox, graph: httpx.AsyncClient) -> None:
    domain, before = box.addresses.domain, await _seats(graph)
    group = await box.plant_group("Licensed", licence="SPE_E3")
    user = await box.plant_user(f"licensed@{domain}", mail=None)
    await box.licence_seconds(0.0)
    await box.mailbox_seconds(0.0)
    await box.licence_seats("SPE_E3", 0)
    try:
        member = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{user}"}
        assert (await graph.post(f"/groups/{group}/members/$ref", json=member)).status_code == 204
        fields = {"$select": "licenseAssignmentStates,mail"}
        assert (await _json(graph, f"/users/{user}", **fields))["licenseAssignmentStates"][0]["error"] == "CountViolation"
        await box.licence_seats("SPE_E3", before)
        await box.reprocess_licences()
        bought = await _json(graph, f"/users/{user}", **fields)
        assert (bought["licenseAssignmentStates"][0]["state"], bought["mail"]) == ("Active", f"licensed@{domain}")
    finally:
        await box.licence_seats("SPE_E3", before)
        await box.licence_seconds(0.2)
        await box.mailbox_seconds(0.2)


async def test_permissions_domains_and_conditions_are_steered(box: Sandbox, graph: httpx.AsyncClient) -> None:
    granted = await box.permissions()
    try:
        assert await box.permissions(set(granted) - {"Domain.Read.All"}) == sorted(set(granted) - {"Domain.Read.All"})
        assert (await graph.get("/domains")).status_code == 403
        await box.permissions(granted)
        await box.domain("steered.example", verified=False)
        await box.domain("steered2.example", federated=True)
        domains = {row["id"]: row for row in (await _json(graph, "/domains"))["value"]}
        assert domains["steered.example"]["isVerified"] is False
        assert domains["steered2.example"]["authenticationType"] == "Federated"
        await box.synchronised(True)
        await box.clock_seconds(600)
        await box.secret_ends(86_400)
        await box.certificate_ends(-1)
        response = await graph.get("/organization")
        assert response.json()["value"][0]["onPremisesSyncEnabled"] is True
        assert 500 < parsedate_to_datetime(response.headers["Date"]).timestamp() - time.time() < 700
        application = await _json(graph, f"/applications(appId='{box.addresses.client_id}')")
        assert application["keyCredentials"][0]["endDateTime"] < application["passwordCredentials"][0]["endDateTime"]
        with pytest.raises(KeyError):
            await asyncio.to_thread(_token, box)
    finally:
        await box.permissions(granted)
        await box.synchronised(False)
        await box.clock_seconds(0)
        await box.secret_ends(730 * 86_400)
        await box.certificate_ends(730 * 86_400)
