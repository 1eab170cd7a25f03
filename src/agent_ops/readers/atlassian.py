"""What the readers of Jira and Confluence share: the account, the way there, and patience. By atlassian-python-api."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from agent_ops.domain.errors import ServiceAmbiguous, ServiceSilent, ServiceUnavailable
from agent_ops.transport.calls import log_calls
from agent_ops.transport.patience import read_patiently
from agent_ops.transport.read_only import only_reads
from agent_ops.transport.routes import Proxies, Route
from agent_ops.transport.threads import ClientPool

if TYPE_CHECKING:
    from atlassian.rest_client import AtlassianRestAPI

C = TypeVar("C", bound="AtlassianRestAPI")
T = TypeVar("T")
_CLIENTS = 4


@dataclass(frozen=True)
class AtlassianConfig:
    """How a site is reached: an account's e-mail address and its API token. Times are in seconds.

    Args:
        timeout: for connecting, and again for each wait for bytes.
        deadline: for one answer in all.
    """

    url: str
    username: str
    token: str = field(repr=False)
    ca_file: str | None = None
    proxies: Proxies = field(default_factory=Proxies)
    timeout: float = 10.0
    deadline: float = 30.0


class ClientOptions(TypedDict):
    """What every client is made with."""

    username: str
    password: str
    timeout: int
    retry_with_header: bool


class AtlassianSite(Generic[C]):
    """A bounded pool of clients that can only read.

    They follow no redirects and take nothing from the environment, and their session refuses every method that could change
    something.
    """

    def __init__(
        self,
        service: str,
        config: AtlassianConfig,
        client: Callable[[ClientOptions], C],
        errors: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._service, self._config, self._make, self._errors = service, config, client, errors
        self._clients = ClientPool(service.lower(), _CLIENTS, self._client)

    def close(self) -> None:
        self._clients.close()

    async def once(self, work: Callable[[C], T], within: float | None = None) -> T:
        """Ask one time; ``within`` are the seconds for the answer, where fewer than the deadline are left.

        Raises:
            ServiceUnavailable: it cannot be asked now. ServiceRefused: it does not answer us; AccessRefused among it.
        """
        seconds = self._config.deadline if within is None else within
        try:
            return await asyncio.wait_for(self._clients.call(lambda client: self._mapped(work, client)), seconds)
        except asyncio.TimeoutError:
            raise ServiceUnavailable(self._service, f"gave no answer within {seconds:.3g} s") from None
        except (ServiceAmbiguous, ServiceSilent) as error:  # a read without an answer leaves no doubt about an effect
            raise ServiceUnavailable(self._service, error.what.removeprefix(f"{self._service}: ")) from error

    async def patiently(self, work: Callable[[C], T]) -> T:
        """Ask, and again while it is unavailable or wants us to wait, as long as the deadline allows. Raises as :meth:`once`."""
        return await read_patiently(lambda left: self.once(work, left), self._config.deadline)

    def _mapped(self, work: Callable[[C], T], client: C) -> T:
        with self._errors(self._service):
            return work(client)

    def _client(self) -> C:
        config = self._config
        options = ClientOptions(
            username=config.username,
            password=config.token,
            timeout=max(1, round(config.timeout)),
            retry_with_header=False,  # it would sleep in our thread for as long as the answer says
        )
        client = self._make(options)
        session = client.session
        Route(config.ca_file, config.proxies).prepare(session, config.url)
        client.verify_ssl, client.proxies = session.verify, None  # given with each call, they would win over the session's
        session.max_redirects = 0
        log_calls(session, self._service, config.url)
        only_reads(session, self._service)
        return client


def in_form(service: str, reading: Callable[[], T]) -> T:
    """What a function reads in an answer.

    Raises:
        ServiceUnavailable: the answer is not in the service's form.
    """
    try:
        return reading()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServiceUnavailable(service, f"answered as no {service} does ({type(error).__name__})") from None


def json_object(answer: Any, service: str = "Jira") -> dict[str, Any]:
    """The answer, when it is a JSON object.

    Raises:
        ServiceUnavailable: it is something else.
    """
    if not isinstance(answer, dict):
        words = "answered with something that is no JSON object"
        raise ServiceUnavailable(service, words, f"Check {service.upper()}_BASE_URL.")
    return answer
