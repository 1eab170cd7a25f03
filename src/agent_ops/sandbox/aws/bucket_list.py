"""The list of buckets in pages, in the order of their names: moto cuts a page off and says nothing of the rest.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from agent_ops.sandbox.aws.auth import Request
from agent_ops.sandbox.aws.protocols import Answer, error_answer

_MOST = 10_000


def bucket_list(request: Request, created: Mapping[str, str]) -> Answer:
    """The answer to ListBuckets; ``created`` are the buckets' dates of creation (ISO 8601) by their names."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
    most, token = asked.get("max-buckets", str(_MOST)), asked.get("continuation-token", "")
    try:
        after = base64.urlsafe_b64decode(token).decode()
        count = int(most)
    except ValueError:
        return error_answer("s3", 400, "InvalidArgument", "The continuation token provided is incorrect")
    left = sorted(name for name in created if name > after)
    shown = "".join(f"<Bucket><Name>{n}</Name><CreationDate>{created[n]}</CreationDate></Bucket>" for n in left[:count])
    more = base64.urlsafe_b64encode(left[count - 1].encode()).decode() if len(left) > count else ""
    further = f"<ContinuationToken>{more}</ContinuationToken>" if more else ""
    owner = "<Owner><ID>bcaf1ffd86f41161ca5fb16fd081034f</ID></Owner>"
    body = f"<ListAllMyBucketsResult>{owner}<Buckets>{shown}</Buckets>{further}</ListAllMyBucketsResult>"
    return Answer(200, [("Content-Type", "application/xml")], b'<?xml version="1.0"?>' + body.encode())
