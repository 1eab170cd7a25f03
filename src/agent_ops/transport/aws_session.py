"""A boto3 client for one service, by settings alone; and one that can only read.

https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from agent_ops.domain.errors import ServiceRefused
from agent_ops.transport.routes import NO_PROXIES, Proxies, Route

_NOTHING_OF_THIS_MACHINE = {  # name: (key in the config file, environment variable, default, conversion)
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}
"""With a fixed endpoint no profile, file or certificate bundle of the user's may have a say."""

READS: Mapping[str, frozenset[str]] = {
    "s3": frozenset(
        {
            *("ListBuckets", "ListObjectsV2", "HeadObject", "GetObject", "HeadBucket", "GetBucketLocation"),
            *("GetPublicAccessBlock", "GetBucketPolicyStatus", "GetBucketAcl"),
        }
    ),
    "ec2": frozenset({"DescribeInstances", "DescribeSecurityGroups"}),
    "resourcegroupstaggingapi": frozenset({"GetResources"}),
    "sts": frozenset({"GetCallerIdentity"}),
}
"""Every operation that a reading client may send, by its service. All of them are reads; no other read is needed."""


@dataclass(frozen=True)
class AwsConfig:
    """Which AWS, as whom. Without keys boto3's own chain is used; with ``endpoint_url`` nothing else is consulted.

    ``jenkins_parameter`` is the default Jenkins's parameter, ``jenkins_instances`` are those of the others, by name.

    ``ca_file`` and ``proxies`` are for AWS and for Jenkins itself.
    """

    region: str
    jenkins_parameter: str
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    endpoint_url: str | None = None
    timeout: float = 5.0
    jenkins_instances: Mapping[str, str] = field(default_factory=dict)
    ca_file: str | None = None
    proxies: Proxies = NO_PROXIES

    @property
    def route(self) -> Route:
        """The way to AWS and to Jenkins."""
        return Route(self.ca_file, self.proxies)


def aws_client(config: AwsConfig, service: str, *, attempts: int = 2) -> Any:
    """A client of a service ('ssm'); ``attempts`` is how often it sends a call that fails."""
    import boto3  # noqa: PLC0415 - 0.1 s, with the first call only
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    core = botocore.session.Session(session_vars=_NOTHING_OF_THIS_MACHINE if config.endpoint_url else None)
    descriptions = _descriptions(core.get_config_variable("data_path"))
    core.register_component("data_loader", descriptions)
    session = boto3.Session(
        aws_access_key_id=config.access_key_id or None,
        aws_secret_access_key=config.secret_access_key or None,
        aws_session_token=config.session_token or None,
        region_name=config.region,
        botocore_session=core,
    )
    descriptions.search_paths[:] = dict.fromkeys(descriptions.search_paths)  # boto3 adds its own with each session
    proxy = config.proxies.way_to(config.endpoint_url or f"https://{service}.{config.region}.amazonaws.com")
    options = Config(
        connect_timeout=config.timeout,
        read_timeout=config.timeout,
        retries={"total_max_attempts": attempts},
        proxies={"http": proxy, "https": proxy} if proxy else {},  # None would take the environment's
    )
    return session.client(service, endpoint_url=config.endpoint_url, verify=config.ca_file or True, config=options)


@cache
def _descriptions(path: str | None) -> Any:
    """AWS's descriptions of its services, read and parsed once a process: 80 ms that each session would take anew.

    The clients of one session share them in the same way. They are read only, and nothing in them is secret.
    """
    from botocore.loaders import create_loader  # noqa: PLC0415

    return create_loader(path)


def reading_client(config: AwsConfig, service: str) -> Any:
    """A client that sends the service's reads in :data:`READS` and refuses every other operation before it is sent."""
    client = aws_client(config, service, attempts=1)
    allowed = READS[service]

    def refuse(model: Any, **_: Any) -> None:
        if model.name not in allowed:
            raise ServiceRefused("AWS", f"{service}:{model.name} is not among what may be read", "Nothing was sent.")

    client.meta.events.register_first("before-call", refuse, unique_id="agent-ops-only-reads")
    return client
