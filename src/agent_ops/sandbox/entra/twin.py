"""The Entra twin: login host and Graph in one application, on one port.

Everything is answered by the process that holds the records, so a restarted twin goes on where it was: same users, same ids,
same signing key, same permissions.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.access_pass import AccessPasses
from agent_ops.sandbox.entra.applications import Applications
from agent_ops.sandbox.entra.certificate import ClientCertificate
from agent_ops.sandbox.entra.conditions import ConditionStore
from agent_ops.sandbox.entra.contacts import Contacts
from agent_ops.sandbox.entra.deleted import Deleted
from agent_ops.sandbox.entra.directory import TWIN, Directory
from agent_ops.sandbox.entra.errors import GraphError, bad_request, refused
from agent_ops.sandbox.entra.groups import Groups
from agent_ops.sandbox.entra.http import Gate, Handler, add_ids, graph_errors
from agent_ops.sandbox.entra.licences import Licences
from agent_ops.sandbox.entra.login import Login
from agent_ops.sandbox.entra.memberships import Memberships
from agent_ops.sandbox.entra.roles import Roles
from agent_ops.sandbox.entra.subscriptions import Subscriptions
from agent_ops.sandbox.entra.tenant import Tenant
from agent_ops.sandbox.entra.tokens import TokenService
from agent_ops.sandbox.entra.users import Users
from agent_ops.sandbox.entra.views import Views
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import twin_app
from agent_ops.sandbox.world import World


class EntraTwin:
    """Microsoft Entra ID and Microsoft Graph v1.0 for one tenant.

    ``base_url`` is where clients reach the twin (``https://127.0.0.1:PORT``): the authority is ``base_url/tenant_id``,
    Graph's root ``base_url/v1.0``. While a ``lag`` fault is in force, reads do not show objects that are younger; writes know
    them at once.
    """

    def __init__(self, world: World, records: Records, faults: FaultBook, base_url: str) -> None:
        self.directory = Directory(world, records)
        self.subscriptions = Subscriptions(world, records)
        self.licences = Licences(records, self.directory, self.subscriptions, world.country)
        self.conditions = ConditionStore(records)
        self._certificate = ClientCertificate(world.client_certificate) if world.client_certificate else None
        self.tokens = TokenService(records, world.tenant_id, (base_url,))
        self._world, self._records, self._faults, self._base_url = world, records, faults, base_url
        kept = records.all(TWIN, "permissions").get("granted")
        self._granted = frozenset(kept["names"]) if kept else permissions.DEFAULT

    @property
    def permissions(self) -> frozenset[str]:
        """The application permissions that the tenant's administrator has granted."""
        return self._granted

    def set_permissions(self, names: Iterable[str]) -> None:
        """Grant exactly these. A token carries what was granted when it was issued; taking away strikes at once."""
        self._granted = frozenset(names)
        self._records.put(TWIN, "permissions", "granted", {"names": sorted(self._granted)})

    def app(self) -> web.Application:
        """The application to be served over TLS."""
        app = twin_app(TWIN, self._records, self._faults)
        app.middlewares.extend([graph_errors, self._settled])
        app.on_response_prepare.extend([add_ids, self._date])
        gate = Gate(self.tokens, lambda: self._granted, self._base_url)
        views = Views(self._base_url, lambda: self._faults.lag(TWIN))
        roles, tenant_url = Roles(self.directory, views, gate), f"{self._base_url}/v2/{self._world.tenant_id}"
        app.add_routes(Users(self.directory, roles, self.licences, self.conditions, views, gate, tenant_url).routes())
        app.add_routes(Groups(self.directory, self.licences, views, gate).routes())
        app.add_routes(Memberships(self.directory, roles, views, gate).routes())
        app.add_routes(Contacts(self.directory, views, gate).routes())
        app.add_routes(roles.routes())
        app.add_routes(Deleted(self.directory, roles, views, gate).routes())
        self.passes = AccessPasses(self.directory, self._records, self.conditions, views, gate)
        app.add_routes(self.passes.routes())
        domains = self.directory.domains
        tenant = Tenant(self._world, domains, self.conditions, self.subscriptions, self.licences, views, gate)
        app.add_routes(tenant.routes())
        app.add_routes(Applications(self._world, self.conditions, self._certificate, views, gate).routes())
        app.router.add_route("*", "/v1.0", gate.guard(_unknown, frozenset()))
        app.router.add_route("*", "/v1.0/{tail:.*}", gate.guard(_unknown, frozenset()))
        app.add_routes(
            Login(self._world, self.tokens, lambda: self._granted, self.conditions, self._certificate, self._base_url).routes()
        )
        app.router.add_route("*", "/{tail:.*}", _unknown_root)
        return app

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:
        """The time of day as the service has it."""
        response.headers["Date"] = formatdate(time.time() + self.conditions.now.clock_seconds, usegmt=True)

    @web.middleware
    async def _settled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """First whatever was due before this call: nobody can tell that it did not happen on time."""
        self.licences.settle()
        return await handler(request)


async def _unknown(request: web.Request) -> web.StreamResponse:
    """Whatever Graph has and the twin has not, and what neither has."""
    tail = request.match_info.get("tail", "")
    if tail.partition("/")[0] == "me":
        raise bad_request("/me request is only valid with delegated authentication flow.")
    for resource in request.app.router.resources():
        _, methods = await resource.resolve(request)
        if methods and "*" not in methods:
            raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    if not tail:
        raise refused("Unsupported segment type. ODataQuery: ")
    raise bad_request(f"Resource not found for the segment '{tail.rpartition('/')[2]}'.")


async def _unknown_root(request: web.Request) -> web.StreamResponse:
    raise bad_request(f"Invalid version: {request.match_info['tail'].partition('/')[0]}")
