"""Who can look whether an access is there: every entry point of the group ``agent_ops.verifiers``.

An entry point is named as the policy's kind (``verify = { aws_tag = "owner" }``), and holds a function from the readers that are
configured, by their agents' names, to a ``Verifier``, or to None when the reader that it needs is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_ops.agents.installed import installed
from agent_ops.domain.errors import PolicyError
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.ports import Verifier
from agent_ops.readers.aws_tags import AwsTagVerifier
from agent_ops.readers.confluence_spaces import ConfluenceSpaceVerifier
from agent_ops.readers.github_members import GithubMemberVerifier

GROUP = "agent_ops.verifiers"


def verifiers(policy: EntitlementPolicy, readers: Mapping[str, Any]) -> dict[str, Verifier]:
    """Who looks, by kind, as far as the policy asks for it and the reader is configured.

    Raises:
        PolicyError: an item is to be verified by a kind that nothing here knows.
    """
    known = {entry.name: entry for entry in installed(GROUP)}
    wanted: dict[str, Verifier] = {}
    for item in policy.catalogue.values():
        if item.verify is None:
            continue
        if item.verify.kind not in known:
            there = ", ".join(sorted(known)) or "none"
            raise PolicyError(f"[items.{item.key}] verify names the unknown kind {item.verify.kind!r} (known: {there})")
        verifier = known[item.verify.kind].load()(readers)
        if verifier is not None:
            wanted[item.verify.kind] = verifier
    return wanted


def aws_tag(readers: Mapping[str, Any]) -> Verifier | None:
    """By AWS's tags."""
    return AwsTagVerifier(readers["aws"]) if "aws" in readers else None


def github_member(readers: Mapping[str, Any]) -> Verifier | None:
    """By GitHub's single sign-on and memberships."""
    return GithubMemberVerifier(readers["github"]) if "github" in readers else None


def confluence_space(readers: Mapping[str, Any]) -> Verifier | None:
    """By Confluence's permissions, of the account that Jira finds by the address: both must be configured."""
    there = "jira" in readers and "confluence" in readers
    return ConfluenceSpaceVerifier(readers["jira"], readers["confluence"]) if there else None
