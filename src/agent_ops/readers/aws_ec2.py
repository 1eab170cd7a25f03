"""Questions to EC2: machines, their states and tags, and what security groups let in.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_ops.domain.errors import AgentOpsError, InvalidRequest, ServiceRefused
from agent_ops.domain.plain import one_line
from agent_ops.domain.readings import Reading, Source
from agent_ops.readers.aws_calls import SERVICE, AwsCalls, fitting
from agent_ops.readers.aws_s3 import when
from agent_ops.transport.vendor_errors import aws_code

_WORLD = ("0.0.0.0/0", "::/0")
_ROWS = 20  # machines are told at more length than objects
_FEWEST = 5  # rows that EC2 gives at least, when it is told how many
_MAX_VALUE = 120
_MAX_TAGS = 12
_MAX_RULES = 12


class Ec2Questions(AwsCalls):
    """What can be asked of EC2 in the configured region. Times are ISO 8601, UTC."""

    async def instances(
        self, instance_id: str = "", state: str = "", tag: str = "", tag_value: str = "", page: str = ""
    ) -> Reading:
        """Machines with state, type, addresses, tags and security groups; all, or those that fit every filter given.

        Raises:
            InvalidRequest: a value without its tag. ServiceRefused: there is no such machine, or we may not see it.
        """
        filters = _filters(state, tag, tag_value)
        asked = self._asked("InstanceIds", instance_id, filters, page)
        answer = await self._describe("describe_instances", asked, instance_id)
        found = [one for reservation in answer.get("Reservations", []) for one in reservation.get("Instances", [])]
        machines = [_machine(one) for one in found]
        facts: Any = machines or "no machine fits; all of this region: list_instances without filters"
        sources = tuple(self._source(one["InstanceId"]) for one in found)
        cut = fitting(machines) < len(machines)
        return Reading(facts, sources or (self._source("instances"),), more=answer.get("NextToken", ""), cut=cut)

    async def security_groups(self, group_id: str = "", open_to_world: bool = False, page: str = "") -> Reading:
        """Security groups with what they let in; with ``open_to_world`` only those of this page that let anybody in.

        Raises:
            ServiceRefused: there is no such group, or we may not see it.
        """
        asked = self._asked("GroupIds", group_id, [], page)
        answer = await self._describe("describe_security_groups", asked, group_id)
        groups = [_group(one) for one in answer.get("SecurityGroups", [])]
        kept = [one for one in groups if one["open_to_world"] or not open_to_world]
        facts: Any = kept or "no group of this page lets the world in"
        sources = tuple(self._source(one["group"]) for one in kept) or (self._source("security-groups"),)
        return Reading(facts, sources, more=answer.get("NextToken", ""), cut=fitting(kept) < len(kept))

    def _asked(self, ids: str, one: str, filters: list[dict[str, Any]], page: str) -> dict[str, Any]:
        """EC2 takes either ids or a number of rows."""
        if one:
            return {ids: [one], **({"Filters": filters} if filters else {})}
        asked: dict[str, Any] = {"MaxResults": max(min(self.rows, _ROWS), _FEWEST), "Filters": filters, "NextToken": page}
        return {name: value for name, value in asked.items() if value}

    async def _describe(self, operation: str, asked: Mapping[str, Any], one: str) -> dict[str, Any]:
        try:
            return await self.call("ec2", operation, **asked)
        except ServiceRefused as error:
            raise self._missing(error, one) from error.__cause__

    def _missing(self, error: ServiceRefused, one: str) -> AgentOpsError:
        if aws_code(error) in ("InvalidInstanceID.NotFound", "InvalidGroup.NotFound", "InvalidInstanceID.Malformed"):
            return ServiceRefused(SERVICE, f"there is no {one} in {self._config.region}", "List those there are, without an id.")
        if aws_code(error) in ("InvalidNextToken", "InvalidPaginationToken"):
            return InvalidRequest("page", "EC2 does not know it", "Ask again without a page.")
        return error

    def _source(self, what: str) -> Source:
        return Source("aws", f"ec2://{self._config.region}/{what}")


def _filters(state: str, tag: str, value: str) -> list[dict[str, Any]]:
    if value and not tag:
        raise InvalidRequest("tag_value", "is given without a tag", "Name the tag too.")
    found = [("instance-state-name", state)] if state else []
    if tag:
        found.append((f"tag:{tag}", value) if value else ("tag-key", tag))
    return [{"Name": name, "Values": [wanted]} for name, wanted in found]


def _machine(one: Mapping[str, Any]) -> dict[str, Any]:
    tags = {_word(tag["Key"]): _word(tag["Value"]) for tag in one.get("Tags", [])[:_MAX_TAGS]}
    facts = {
        "instance": one["InstanceId"],
        "name": tags.pop("Name", ""),
        "state": one["State"]["Name"],
        "type": one["InstanceType"],
        "launched": when(one["LaunchTime"]),
        "private_ip": one.get("PrivateIpAddress", ""),
        "public_ip": one.get("PublicIpAddress", ""),
        "security_groups": [f"{group['GroupId']} ({_word(group['GroupName'])})" for group in one.get("SecurityGroups", [])],
        "tags": tags,
    }
    return {name: value for name, value in facts.items() if value not in ("", {}, [])}


def _group(one: Mapping[str, Any]) -> dict[str, Any]:
    rules = [(_ports(rule), source) for rule in one.get("IpPermissions", []) for source in _from(rule)]
    lets_in = [f"{ports} from {source}" for ports, source in rules]
    return {
        "group": one["GroupId"],
        "name": _word(one["GroupName"]),
        "for": _word(one.get("Description", "")),
        "open_to_world": [f"{ports} from {source}" for ports, source in rules if source in _WORLD],
        "lets_in": lets_in[:_MAX_RULES] + ([f"and {len(lets_in) - _MAX_RULES} more rules"] if len(lets_in) > _MAX_RULES else []),
    }


def _ports(rule: Mapping[str, Any]) -> str:
    """tcp 443, tcp 8000-8080, all traffic."""
    protocol = str(rule.get("IpProtocol", ""))
    if protocol == "-1":
        return "all traffic"
    first, last = rule.get("FromPort"), rule.get("ToPort")
    if first is None:
        return protocol
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"


def _from(rule: Mapping[str, Any]) -> list[str]:
    """From where: networks, other groups, prefix lists."""
    named = (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("UserIdGroupPairs", "GroupId"),
        ("PrefixListIds", "PrefixListId"),
    )
    return [str(one.get(name, "?")) for part, name in named for one in rule.get(part, [])]


def _word(text: str) -> str:
    """What somebody wrote into a tag or a name: untrusted, made harmless to show."""
    return one_line(text, _MAX_VALUE)
