"""Questions to S3: buckets, objects, an object's facts and text, and whether a bucket is public.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from agent_ops.domain.errors import AccessRefused, InvalidRequest, ServiceError, ServiceRefused
from agent_ops.domain.plain import harmless, one_line
from agent_ops.domain.readings import Reading, Source
from agent_ops.readers.aws_calls import MAX_BODY, SERVICE, AwsCalls, fitting
from agent_ops.readers.aws_public import Seen, verdict
from agent_ops.transport.vendor_errors import aws_code

_LISTED = 1_000  # keys in one page of S3's, at most
_SCANNED = 10  # pages that one question about a date may look through
_AFTER = "after:"
_MAX_WORD = 256
_MAX_TEXT = 6_500  # characters of JSON


class S3Questions(AwsCalls):
    """What can be asked of S3. Times are ISO 8601, UTC; sizes are bytes."""

    async def buckets(self, page: str = "") -> Reading:
        """The account's buckets with their dates of creation."""
        asked = {"MaxBuckets": self.rows, **({"ContinuationToken": page} if page else {})}
        answer = await self.call("s3", "list_buckets", **asked)
        facts = [{"bucket": one["Name"], "created": when(one["CreationDate"])} for one in answer.get("Buckets", [])]
        sources = tuple(_source(one["bucket"]) for one in facts)
        return Reading(facts, sources, more=answer.get("ContinuationToken", ""))

    async def objects(self, bucket: str, prefix: str = "", changed_since: str = "", page: str = "") -> Reading:
        """A bucket's objects in the order of their keys; with ``changed_since`` only those changed at that time or later.

        Raises:
            InvalidRequest: the time cannot be read. ServiceRefused: there is no such bucket, or we may not see it.
        """
        if changed_since:
            return await self._changed(bucket, prefix, _moment(changed_since), page)
        answer = await self._list(bucket, prefix, {"MaxKeys": self.rows, **_from_page(page)})
        rows = [_row(one) for one in answer.get("Contents", [])]
        if (shown := fitting(rows)) < len(rows):
            return Reading(rows[:shown], _sources(bucket, rows[:shown]), more=_AFTER + answer["Contents"][shown - 1]["Key"])
        facts: Any = rows or f"no object in {bucket}" + (f" begins with {prefix}" if prefix else "") + "; the bucket exists"
        return Reading(facts, _sources(bucket, rows), more=answer.get("NextContinuationToken", ""))

    async def object_facts(self, bucket: str, key: str) -> Reading:
        """Size, type, time of change, storage class and metadata of an object.

        Raises:
            ServiceRefused: there is no such object, or we may not see it.
        """
        answer = await self._about(bucket, key, "head_object", {})
        metadata = {_word(name): _word(value) for name, value in list(answer.get("Metadata", {}).items())[:20]}
        facts = {
            "key": _key(key),
            "size": answer["ContentLength"],
            "type": _word(answer.get("ContentType", "")),
            "changed": when(answer["LastModified"]),
            "storage": answer.get("StorageClass", "STANDARD"),
            "encryption": answer.get("ServerSideEncryption", ""),
            "version": answer.get("VersionId", ""),
            "metadata": metadata,
        }
        return Reading({name: value for name, value in facts.items() if value not in ("", {})}, (_source(bucket, key),))

    async def object_text(self, bucket: str, key: str, page: str = "") -> Reading:
        """An object's text, a piece at a time; ``page`` is the byte at which the piece begins. What is binary is only said so.

        Raises:
            InvalidRequest: the page is no number. ServiceRefused: there is no such object, or nothing there to read.
        """
        start = _byte(page)
        source = (_source(bucket, key),)
        try:
            answer = await self._about(bucket, key, "get_object", {"Range": f"bytes={start}-{start + MAX_BODY - 1}"})
        except ServiceRefused as error:
            if aws_code(error) != "InvalidRange":
                raise
            return Reading({"key": _key(key), "text": "", "note": "it is empty, or ends before this page"}, source)
        size = _whole_size(answer)
        facts: dict[str, Any] = {"key": _key(key), "size": size, "type": _word(answer.get("ContentType", ""))}
        text, used = _shown(answer["Body"], last=start + len(answer["Body"]) >= size)
        if text is None:
            return Reading({**facts, "note": "binary: its content is not shown"}, source)
        more = str(start + used) if start + used < size else ""
        return Reading({**facts, "from_byte": start, "text": text}, source, more=more, cut=bool(more))

    async def public_access(self, bucket: str) -> Reading:
        """Whether a bucket is public: by its public access block, its policy and its access list, as far as we may see them.

        Raises:
            ServiceRefused: there is no such bucket.
        """
        block = await self._part(bucket, "get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
        policy = await self._part(bucket, "get_bucket_policy_status", "NoSuchBucketPolicy")
        acl = await self._part(bucket, "get_bucket_acl", "")
        return Reading({"bucket": bucket, **verdict(block, policy, acl)}, (_source(bucket),))

    async def _part(self, bucket: str, operation: str, absent: str) -> Seen:
        """One of the three things that decide: its answer, ``{}`` when there is none, or why it could not be seen."""
        try:
            return Seen(await self.call("s3", operation, Bucket=bucket))
        except AccessRefused as error:
            return Seen({}, not_seen=one_line(error.what.removeprefix(f"{SERVICE}: "), 160))
        except ServiceRefused as error:
            if absent and aws_code(error) == absent:
                return Seen({})
            raise _missing(error, bucket) from error.__cause__

    async def _list(self, bucket: str, prefix: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self.call("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix, **asked)
        except ServiceRefused as error:
            raise _missing(error, bucket) from error.__cause__

    async def _about(self, bucket: str, key: str, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self.call("s3", operation, Bucket=bucket, Key=key, **asked)
        except ServiceRefused as error:
            raise _missing(error, bucket, key) from error.__cause__

    async def _changed(self, bucket: str, prefix: str, since: datetime, page: str) -> Reading:
        """S3 has no order or filter by time: keys are looked through, page by page of its own, up to a bound."""
        found, looked, asked, last = list[dict[str, Any]](), 0, _begin(page), page.removeprefix(_AFTER)
        for _ in range(_SCANNED):
            answer = await self._list(bucket, prefix, {"MaxKeys": _LISTED, **asked})
            for one in answer.get("Contents", []):
                if one["LastModified"] >= since:
                    if len(found) == self.rows or fitting([*found, _row(one)]) <= len(found):
                        return _found(bucket, found, looked, since, more=_AFTER + last)
                    found.append(_row(one))
                looked, last = looked + 1, one["Key"]
            if not answer.get("NextContinuationToken"):
                return _found(bucket, found, looked, since)
            asked = {"ContinuationToken": answer["NextContinuationToken"]}
        return _found(bucket, found, looked, since, more=_AFTER + last)


def _from_page(page: str) -> dict[str, str]:
    """A token of S3's, or, where an answer ended within one of its pages, the last key that was shown."""
    if page.startswith(_AFTER):
        return {"StartAfter": page.removeprefix(_AFTER)}
    return {"ContinuationToken": page} if page else {}


def _begin(page: str) -> dict[str, str]:
    if page and not page.startswith(_AFTER):
        raise InvalidRequest("page", "belongs to another question", "Give next_page of the same question, or nothing.")
    return {"StartAfter": page.removeprefix(_AFTER)} if page else {}


def _found(bucket: str, rows: list[dict[str, Any]], looked: int, since: datetime, more: str = "") -> Reading:
    facts = {"changed_since": when(since), "objects_looked_at": looked, "objects": rows}
    return Reading(facts, _sources(bucket, rows), more=more)


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": _key(one["Key"]), "size": one["Size"], "changed": when(one["LastModified"])}


def _sources(bucket: str, rows: list[dict[str, Any]]) -> tuple[Source, ...]:
    return tuple(_source(bucket, row["key"]) for row in rows) or (_source(bucket),)


def _source(bucket: str, key: str = "") -> Source:
    return Source("aws", f"s3://{bucket}/{_key(key)}" if key else f"s3://{bucket}")


def _missing(error: ServiceRefused, bucket: str, key: str = "") -> ServiceError:
    """The refusal with what to do next."""
    code = aws_code(error)
    if code == "NoSuchBucket":
        return ServiceRefused(SERVICE, f"there is no bucket {bucket}", "List the buckets (list_buckets).")
    if code in ("NoSuchKey", "404"):
        return ServiceRefused(SERVICE, f"there is no object {_key(key)} in {bucket}", "List its objects (list_objects).")
    if isinstance(error, AccessRefused) and code in ("AccessDenied", "403"):
        what = f"{f'{_key(key)} in ' if key else ''}{bucket} may not be read by our key, or is not there"
        return AccessRefused(SERVICE, what, f"AWS said: {one_line(error.what.removeprefix(f'{SERVICE}: '), 160)}")
    return error


def _moment(text: str) -> datetime:
    """A time in ISO 8601; a date alone is its beginning, and what names no zone is UTC."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 knows no Z
    except ValueError:
        raise InvalidRequest("changed_since", f"{one_line(text, 40)} is no time", "Write it as 2026-03-01T09:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _byte(page: str) -> int:
    if page and not (page.isascii() and page.isdigit()):
        raise InvalidRequest("page", "is no number of a byte", "Give next_page of the same question, or nothing.")
    return int(page or 0)


def _whole_size(answer: Mapping[str, Any]) -> int:
    """https://www.rfc-editor.org/rfc/rfc9110#section-14.4: bytes 0-99/5242880"""
    whole = str(answer.get("ContentRange", "")).rpartition("/")[2]
    return int(whole) if whole.isdigit() else int(answer["ContentLength"])


def _shown(body: bytes, *, last: bool) -> tuple[str | None, int]:
    """As much of the bytes as one answer can show: quotes and line feeds count twice there."""
    text, used = _text(body, last=last)
    while text is not None and (length := len(json.dumps(text, ensure_ascii=False))) > _MAX_TEXT:
        text, used = _text(body[: used * _MAX_TEXT // (length + 4)], last=False)
    return text, used


def _text(body: bytes, *, last: bool) -> tuple[str | None, int]:
    """The bytes as text and how many of them it took: a character that the piece's end cuts is left for the next one.

    None when they are no text.
    """
    if b"\0" in body:
        return None, len(body)
    for cut in range(1 if last else 4):
        piece = body[: len(body) - cut]
        try:
            return harmless(piece.decode("utf-8")), len(piece)
        except UnicodeDecodeError:
            continue
    return None, len(body)


def when(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _word(text: str) -> str:
    """A name that somebody chose: nothing in it steers a terminal or hides."""
    return text if text.isprintable() and len(text) <= _MAX_WORD else one_line(text, _MAX_WORD)


def _key(text: str) -> str:
    """A key as it is, since it is asked for by it, unless something in it steers or hides: it has at most 1,024 bytes."""
    return text if text.isprintable() else one_line(text, 1024)
