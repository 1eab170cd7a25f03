"""Runs all twins in one process until it is told to stop, or until nobody is attached any more."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.policies import read_policy
from agent_ops.sandbox.addresses import Addresses
from agent_ops.sandbox.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, AwsTwin
from agent_ops.sandbox.aws.control import AwsControl
from agent_ops.sandbox.client_certificate import ensure_client_certificate
from agent_ops.sandbox.confluence import ConfluenceTwin
from agent_ops.sandbox.confluence.control import ConfluenceControl
from agent_ops.sandbox.control import Control
from agent_ops.sandbox.entra import EntraTwin
from agent_ops.sandbox.entra.control import EntraControl
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.github import GithubTwin
from agent_ops.sandbox.github.control import GithubControl
from agent_ops.sandbox.jenkins import JenkinsTwin
from agent_ops.sandbox.jira import JiraTwin
from agent_ops.sandbox.jira.control import JiraControl
from agent_ops.sandbox.listener import Listener
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.seeding import ensure_credentials, world_of
from agent_ops.sandbox.smtp import MailTwin
from agent_ops.sandbox.smtp_ports import MailPorts
from agent_ops.sandbox.tls import ensure_tls

ADDRESSES = "sandbox.json"
RECORDS = "records.db"
MAILBOX = "mailbox"
_LINGER_SECONDS = 3.0
_FIRST_ATTACH_SECONDS = 60.0


async def serve(
    directory: Path, policy_file: Path, *, linger: bool, ready: Callable[[Addresses], None] = lambda addresses: None
) -> None:
    """Serve the sandbox in ``directory``.

    Args:
        directory: holds state, keys, mailbox and addresses; made when absent.
        policy_file: the entitlement policy whose pipelines and groups exist here.
        linger: end by itself soon after the last process has let go.
        ready: told once, when the twins can be reached.

    Raises:
        BlockingIOError: another server has this directory already.
    """
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        async with _twins(directory, policy_file) as (control, addresses):
            ready(addresses)
            await _until_told(control, linger)
            (directory / ADDRESSES).unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _twins(directory: Path, policy_file: Path) -> AsyncIterator[tuple[Control, Addresses]]:
    certificate_file = directory / "client.pem"
    world = replace(
        world_of(read_policy(policy_file), ensure_credentials(directory / "credentials.json")),
        client_certificate=ensure_client_certificate(certificate_file),
    )
    records, faults, tls = Records(directory / RECORDS), FaultBook(), ensure_tls(directory / "tls")
    loop = asyncio.get_running_loop()
    aws = AwsTwin(world, records, faults)
    sockets = {name: _loopback_socket() for name in ("entra", "smtp", "smtps", "jira", "confluence", "github", "control")}
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    entra_url = f"https://127.0.0.1:{ports['entra']}"
    listeners = {instance: Listener() for instance in world.instances}
    jenkins_urls = {instance: f"http://127.0.0.1:{listener.port}" for instance, listener in listeners.items()}
    seeded = loop.run_in_executor(None, aws.start, jenkins_urls)
    jenkins = {instance: JenkinsTwin(world, records, faults, url, instance) for instance, url in jenkins_urls.items()}
    entra = EntraTwin(world, records, faults, entra_url)
    jira = JiraTwin(world, records, faults, f"http://127.0.0.1:{ports['jira']}")
    confluence = ConfluenceTwin(world, records, faults, f"http://127.0.0.1:{ports['confluence']}")
    github = GithubTwin(world, records, faults, f"http://127.0.0.1:{ports['github']}")
    mail = MailPorts(MailTwin(world, records, faults, directory / MAILBOX, tls), sockets["smtp"], sockets["smtps"])
    twins = (EntraControl(entra), JiraControl(jira), ConfluenceControl(confluence), AwsControl(aws), GithubControl(github))
    control = Control(world.credentials.control_token, records, faults, jenkins, listeners, mail, twins)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(records.close)
        stack.callback(aws.stop)
        await _site(stack, entra.app(), sockets["entra"], tls.server_context())
        await _site(stack, jira.app(), sockets["jira"])
        await _site(stack, confluence.app(), sockets["confluence"])
        await _site(stack, github.app(), sockets["github"])
        for instance, listener in listeners.items():
            stack.push_async_callback(listener.close)
            await listener.start(jenkins[instance].app())
        await _site(stack, control.app(), sockets["control"])
        stack.callback(mail.close)
        await mail.up()
        await seeded
        addresses = Addresses(
            pid=os.getpid(),
            control_url=f"http://127.0.0.1:{ports['control']}",
            control_token=world.credentials.control_token,
            entra_url=entra_url,
            ca_file=str(tls.ca_file),
            tenant_id=world.tenant_id,
            client_id=world.client_id,
            client_secret=world.credentials.client_secret,
            client_certificate_file=str(certificate_file),
            aws_url=aws.url,
            region=world.region,
            ssm_parameter=world.ssm_parameter,
            ssm_instances={name: world.jenkins_parameter(name) for name in world.instances if name != DEFAULT_INSTANCE},
            access_key_id=ACCESS_KEY_ID,
            secret_access_key=SECRET_ACCESS_KEY,
            smtp_host="127.0.0.1",
            smtp_port=ports["smtp"],
            smtps_port=ports["smtps"],
            smtp_user=world.smtp_user,
            smtp_password=world.credentials.smtp_password,
            domain=world.domain,
            jira_url=jira.base_url,
            jira_user=world.jira_user,
            jira_token=world.credentials.jira_token,
            confluence_url=confluence.base_url,
            github_url=github.base_url,
            github_token=world.credentials.github_token,
        )
        addresses.write(directory / ADDRESSES)
        yield control, addresses


async def _site(stack: contextlib.AsyncExitStack, app: web.Application, sock: socket.socket, tls: object = None) -> None:
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock, ssl_context=tls).start()  # type: ignore[arg-type]  # an SSLContext or None


def _loopback_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


async def _until_told(control: Control, linger: bool) -> None:
    """Until SIGTERM or SIGINT; with ``linger`` also until nobody has been attached for a while."""
    told = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, told.set)
    quiet_for, patience = 0.0, _FIRST_ATTACH_SECONDS
    while not told.is_set() and (not linger or quiet_for < patience):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(told.wait(), 0.25)
        if control.attached:
            quiet_for, patience = 0.0, _LINGER_SECONDS
        else:
            quiet_for += 0.25
