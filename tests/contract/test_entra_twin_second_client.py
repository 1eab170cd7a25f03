"""The Entra twin as Microsoft's own Graph SDK sees it, signed in by azure-identity: two clients that nobody here wrote."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from agent_ops.sandbox.faults import Fault, FaultKind
from tests.contract.entra_bench import GROUP, PASSWORD, SCOPE, SECRET, WORLD, Bench, served

if TYPE_CHECKING:
    from msgraph import GraphServiceClient
    from msgraph.generated.models.user import User
else:
    pytest.importorskip("msgraph", reason="msgraph-sdk is not installed")
    pytest.importorskip("azure.identity", reason="azure-identity is not installed")

# The SDK warns about itself while its modules are imported; nothing here can change that.
pytestmark = pytest.mark.filterwarnings("ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path) as bench:
        yield bench


@pytest.fixture
async def sdk(bench: Bench) -> AsyncIterator[GraphServiceClient]:
    async with AsyncExitStack() as stack:
        yield await _sdk(bench, stack, SECRET)


async def _sdk(bench: Bench, stack: AsyncExitStack, secret: str) -> GraphServiceClient:
    """The SDK with its own middleware (retries, redirects, telemetry); only base URL, trust and sign-in host are ours."""
    from azure.identity.aio import ClientSecretCredential
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph import GraphRequestAdapter, GraphServiceClient
    from msgraph_core import GraphClientFactory

    credential = ClientSecretCredential(
        WORLD.tenant_id,
        WORLD.client_id,
        secret,
        authority=bench.base_url,
        disable_instance_discovery=True,
        connection_verify=str(bench.tls.ca_file),
        use_env_settings=False,
    )
    stack.push_async_callback(credential.close)
    trust = ssl.create_default_context(cafile=str(bench.tls.ca_file))
    transport = httpx.AsyncHTTPTransport(verify=trust, trust_env=False)
    stack.push_async_callback(transport.aclose)  # the SDK puts its own transport around this one and never closes it
    client = GraphClientFactory.create_with_default_middleware(client=httpx.AsyncClient(transport=transport, trust_env=False))
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[SCOPE], allowed_hosts=["127.0.0.1"])
    adapter = GraphRequestAdapter(provider, client)
    adapter.base_url = f"{bench.base_url}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def _user(name: str, mark: str) -> User:
    from msgraph.generated.models.on_premises_extension_attributes import OnPremisesExtensionAttributes
    from msgraph.generated.models.password_profile import PasswordProfile
    from msgraph.generated.models.user import User

    return User(
        account_enabled=True,
        display_name=name.title(),
        mail_nickname=name,
        user_principal_name=f"{name}@example.test",
        usage_location="DE",
        on_premises_extension_attributes=OnPremisesExtensionAttributes(extension_attribute7=mark),
        password_profile=PasswordProfile(password=PASSWORD, force_change_password_next_sign_in=True),
    )


async def _create(sdk: GraphServiceClient, name: str, mark: str = "m") -> User:
    created = await sdk.users.post(_user(name, mark))
    assert created is not None and created.id
    return created


async def test_create_read_change_and_delete(sdk: GraphServiceClient, bench: Bench) -> None:
    from msgraph.generated.models.user import User
    from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder

    created = await _create(sdk, "grace", "mark-1")
    assert created.user_principal_name == "grace@example.test" and created.password_profile is None
    query = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(
        select=["id", "accountEnabled", "createdDateTime", "onPremisesExtensionAttributes"]
    )
    config = _configuration(query)
    one = sdk.users.by_user_id("grace@example.test")
    read = await one.get(request_configuration=config)
    assert read is not None and read.on_premises_extension_attributes is not None
    assert (read.id, read.account_enabled) == (created.id, True)
    assert read.on_premises_extension_attributes.extension_attribute7 == "mark-1" and read.created_date_time is not None
    await one.patch(User(job_title="Admiral"))
    changed = await one.get()
    assert changed is not None and changed.job_title == "Admiral"
    await one.delete()
    gone = await sdk.directory.deleted_items.graph_user.get()
    assert gone is not None and [user.id for user in gone.value or []] == [created.id]
    assert [call.effect for call in bench.effects()] == ["entra.create", "entra.update", "entra.delete"]


async def test_refusals_arrive_as_odata_errors(sdk: GraphServiceClient, bench: Bench) -> None:
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError

    await _create(sdk, "grace")
    with pytest.raises(ODataError) as conflict:
        await sdk.users.post(_user("Grace", "other"))
    main: Any = conflict.value.error
    assert (conflict.value.response_status_code, main.code) == (400, "Request_BadRequest")
    assert [(detail.code, detail.target) for detail in main.details] == [("ObjectConflict", "userPrincipalName")]
    assert main.inner_error.request_id and main.inner_error.date is not None
    with pytest.raises(ODataError) as absent:
        await sdk.users.by_user_id("nobody@example.test").get()
    assert absent.value.response_status_code == 404 and absent.value.error is not None
    assert absent.value.error.code == "Request_ResourceNotFound"
    bench.twin.set_permissions({"User.Read.All"})
    with pytest.raises(ODataError) as denied:
        await sdk.users.post(_user("eve", "m"))
    assert denied.value.response_status_code == 403


async def test_members_of_a_group(sdk: GraphServiceClient) -> None:
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError
    from msgraph.generated.models.reference_create import ReferenceCreate
    from msgraph.generated.models.user import User

    created = await _create(sdk, "grace")
    group = sdk.groups.by_group_id(GROUP)
    reference = ReferenceCreate(odata_id=f"https://graph.microsoft.com/v1.0/directoryObjects/{created.id}")
    await group.members.ref.post(reference)
    with pytest.raises(ODataError, match="already exist"):
        await group.members.ref.post(reference)
    members = await group.members.get()
    assert members is not None and [(type(member), member.id) for member in members.value or []] == [(User, created.id)]
    groups = await sdk.users.by_user_id(str(created.id)).member_of.get()
    assert groups is not None and [found.id for found in groups.value or []] == [GROUP]
    await group.members.by_directory_object_id(str(created.id)).ref.delete()
    members = await group.members.get()
    assert members is not None and members.value == []


async def test_the_sdk_walks_through_all_pages(sdk: GraphServiceClient) -> None:
    from msgraph.generated.users.users_request_builder import UsersRequestBuilder
    from msgraph_core.tasks import PageIterator

    names = [f"user{n:02}" for n in range(12)]
    await asyncio.gather(*(_create(sdk, name) for name in names))
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(top=5, orderby=["displayName desc"])
    first = await sdk.users.get(request_configuration=_configuration(query))
    assert first is not None and len(first.value or []) == 5 and first.odata_next_link
    found: list[str] = []

    def collect(user: Any) -> bool:
        found.append(user.user_principal_name.partition("@")[0])
        return True

    await PageIterator(first, sdk.request_adapter).iterate(collect)
    assert found == [*reversed(names), "ada"]


async def test_an_advanced_query_finds_the_marker(sdk: GraphServiceClient) -> None:
    from msgraph.generated.users.users_request_builder import UsersRequestBuilder

    await _create(sdk, "grace", "mark-1")
    await _create(sdk, "eve", "mark-2")
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter="onPremisesExtensionAttributes/extensionAttribute7 eq 'mark-2'", count=True
    )
    config = _configuration(query)
    config.headers.add("ConsistencyLevel", "eventual")
    page = await sdk.users.get(request_configuration=config)
    assert page is not None and page.odata_count == 1
    assert [user.user_principal_name for user in page.value or []] == ["eve@example.test"]


async def test_the_sdk_retries_what_graph_throttles(sdk: GraphServiceClient, bench: Bench) -> None:
    bench.faults.add(Fault("entra", FaultKind.STATUS, path="/v1.0/", status=429, retry_after=1, times=1))
    await _create(sdk, "grace")
    assert bench.faults.struck()[0]["struck"] == 1 and len(bench.effects()) == 1


async def test_a_wrong_secret_is_reported_by_azure_identity(bench: Bench) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    async with AsyncExitStack() as stack:
        stranger = await _sdk(bench, stack, "wrong")
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await stranger.users.get()


def _configuration(query: Any) -> Any:
    from kiota_abstractions.base_request_configuration import RequestConfiguration

    return RequestConfiguration(query_parameters=query)
