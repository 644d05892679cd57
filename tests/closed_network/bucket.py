"""A bucket with the calls that Pulumi's S3 backend makes, as R2's S3 API answers them.

Source: the S3 API reference, actions ListObjectsV2, GetObject, HeadObject, PutObject, CopyObject,
DeleteObject. Signatures aren't checked: the AWS SDK makes them.
"""

from __future__ import annotations

import hashlib
from urllib.parse import unquote
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

HOST = "r2.cloudflarestorage.com"
"""R2's S3 API is below it, at the account's id."""
_TIME = "2026-11-29T00:00:00.000Z"
_HTTP_TIME = "Sun, 29 Nov 2026 00:00:00 GMT"
_COPY = "x-amz-copy-source"


class Bucket:
    """One bucket of any name, in memory."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    async def answer(self, request: Request) -> Response:
        """Answer one call of the API, with the bucket's name at the beginning of the path."""
        _, _, key = unquote(request.url.path).strip("/").partition("/")
        match request.method:
            case "GET" if not key:
                return self._list(request.query_params.get("prefix", ""), request)
            case "GET" | "HEAD":
                return self._read(key)
            case "PUT":
                return self._write(key, request, await request.body())
            case "DELETE":
                self._objects.pop(key, None)
                return Response(status_code=204)
        return _xml("<Error><Code>NotImplemented</Code></Error>", 501)

    def _list(self, prefix: str, request: Request) -> Response:
        delimiter = request.query_params.get("delimiter", "")
        inside, below = [], []
        for key in sorted(self._objects):
            rest = key.removeprefix(prefix)
            if not key.startswith(prefix):
                continue
            if delimiter and delimiter in rest:
                folder = prefix + rest.partition(delimiter)[0] + delimiter
                below += [] if folder in below else [folder]
            else:
                inside.append(key)
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{_TIME}</LastModified>"
            f"<ETag>{_tag(self._objects[key])}</ETag><Size>{len(self._objects[key])}</Size></Contents>"
            for key in inside
        )
        folders = "".join(
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in below
        )
        count = len(inside) + len(below)
        return _xml(
            f"<ListBucketResult><Prefix>{escape(prefix)}</Prefix><KeyCount>{count}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{contents}{folders}"
            "</ListBucketResult>"
        )

    def _read(self, key: str) -> Response:
        found = self._objects.get(key)
        if found is None:
            return _xml("<Error><Code>NoSuchKey</Code></Error>", 404)
        headers = {"ETag": _tag(found), "Last-Modified": _HTTP_TIME}
        return Response(found, headers=headers, media_type="application/octet-stream")

    def _write(self, key: str, request: Request, body: bytes) -> Response:
        if source := request.headers.get(_COPY):
            _, _, copied = unquote(source).strip("/").partition("/")
            if copied not in self._objects:
                return _xml("<Error><Code>NoSuchKey</Code></Error>", 404)
            self._objects[key] = self._objects[copied]
            tag = _tag(self._objects[key])
            return _xml(
                f"<CopyObjectResult><ETag>{tag}</ETag><LastModified>{_TIME}</LastModified>"
                "</CopyObjectResult>"
            )
        chunked = "aws-chunked" in request.headers.get("content-encoding", "")
        self._objects[key] = _unchunked(body) if chunked else body
        return Response(headers={"ETag": _tag(self._objects[key])})


def _unchunked(body: bytes) -> bytes:
    """Return what an upload in `aws-chunked` encoding holds, without its trailers."""
    whole = b""
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        whole += body[:size]
        body = body[size + 2 :]
    return whole


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _xml(body: str, status: int = 200) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>{body}'
    return Response(text, status, media_type="application/xml")
