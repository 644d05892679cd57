"""R2 buckets and their objects, as far as the v4 API offers them (no S3 API).

Source: Cloudflare API reference, R2: "Buckets" and "Objects"; codes by
developers.cloudflare.com/r2/api/error-codes: 10001 malformed, 10004 name taken, 10005 bad name,
10006 no such bucket, 10007 no such object, 10008 bucket not empty, 10020 bad key, 100100 too large.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.database import Row

MAX_OBJECT_BYTES = 300 * 1024 * 1024  # the upload limit of this endpoint
MAX_KEY_BYTES = 1024
_MALFORMED = 10001
_LISTED = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class _NewBucket(BaseModel):
    name: str
    storageClass: Literal["Standard", "InfrequentAccess"] = "Standard"  # noqa: N815  the API's name


class _Received(NamedTuple):
    """An object's bytes, which lie in the file of their SHA-256."""

    sha256: str
    md5: str
    size: int


class Buckets:
    """The buckets of an account; an object's bytes lie in a file named by their SHA-256."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """/r2/buckets and below."""
        objects = "/r2/buckets/{bucket}/objects"
        return [
            Route("/r2/buckets", self._create, methods=["POST"]),
            Route("/r2/buckets", self._listing, methods=["GET"]),
            Route("/r2/buckets/{bucket}", self._read, methods=["GET"]),
            Route("/r2/buckets/{bucket}", self._delete, methods=["DELETE"]),
            Route(objects, self._objects, methods=["GET"]),
            Route(f"{objects}/{{key:path}}", self._upload, methods=["PUT"]),
            Route(f"{objects}/{{key:path}}", self._download, methods=["GET"]),
            Route(f"{objects}/{{key:path}}", self._remove, methods=["DELETE"]),
        ]

    async def _create(self, request: Request) -> Response:
        wanted = await body_model(request, _NewBucket, code=_MALFORMED)
        if not _NAME.fullmatch(wanted.name):
            raise ApiError(400, 10005, "The specified bucket name is not valid.")
        try:
            self._account.database.execute(
                "INSERT INTO r2_buckets VALUES (?, ?, ?)",
                wanted.name,
                self._account.clock.timestamp(),
                wanted.storageClass,
            )
        except sqlite3.IntegrityError:
            raise ApiError(409, 10004, "The bucket you tried to create already exists.") from None
        return success(_shown(self._find(wanted.name)))

    async def _listing(self, request: Request) -> Response:
        query = ListQuery(request, code=_MALFORMED)
        part = query.prefix("name_contains")
        size = query.number("per_page", _LISTED, 1, _LISTED)
        rows = query.sorted(
            self._account.database.rows("SELECT * FROM r2_buckets"),
            by={"name": lambda row: str(row["name"])},
            default="name",
        )
        backwards = query.choice("direction", ("asc", "desc"), "asc") == "desc"
        starts = [name for name in (query.text("start_after"), query.text("cursor")) if name]
        query.done()
        found = [
            row
            for row in rows
            if part in row["name"]
            and all(
                (row["name"] < start) if backwards else (row["name"] > start) for start in starts
            )
        ]
        cursor = found[size - 1]["name"] if len(found) > size else ""
        info = {"cursor": cursor, "per_page": size}
        return success({"buckets": [_shown(row) for row in found[:size]]}, info=info)

    async def _read(self, request: Request) -> Response:
        return success(_shown(self._find(request.path_params["bucket"])))

    async def _delete(self, request: Request) -> Response:
        name = self._find(request.path_params["bucket"])["name"]
        if self._account.database.row("SELECT 1 FROM r2_objects WHERE bucket = ?", name):
            raise ApiError(409, 10008, "The bucket you tried to delete is not empty.")
        self._account.database.execute("DELETE FROM r2_buckets WHERE name = ?", name)
        return success({})

    async def _objects(self, request: Request) -> Response:
        bucket = self._find(request.path_params["bucket"])["name"]
        query = ListQuery(request, code=_MALFORMED)
        prefix = query.prefix("prefix")
        delimiter = query.text("delimiter")
        size = query.number("per_page", _LISTED, 1, _LISTED)
        after = max(query.prefix("cursor"), query.prefix("start_after"))
        query.done()
        rows = self._account.database.rows(
            "SELECT * FROM r2_objects WHERE bucket = ? AND key > ? "
            "AND substr(key, 1, length(?)) = ? ORDER BY key",
            bucket,
            after,
            prefix,
            prefix,
        )
        # A page holds keys and groups of keys; a group stands where its first key would.
        shown: list[Row] = []
        groups: list[str] = []
        last = ""
        for row in rows:
            group = _group(row["key"], prefix, delimiter)
            if group is not None and group in groups:
                last = row["key"]
                continue
            if len(shown) + len(groups) == size:
                break
            if group is None:
                shown.append(row)
            else:
                groups.append(group)
            last = row["key"]
        cut = bool(rows) and last != rows[-1]["key"]
        info: dict[str, Any] = {"is_truncated": cut, "cursor": last if cut else ""}
        if delimiter:
            info["delimited"] = groups
        return success([_object(row) for row in shown], info=info)

    async def _upload(self, request: Request) -> Response:
        bucket = self._find(request.path_params["bucket"])["name"]
        key = request.path_params["key"]
        if not 1 <= len(key.encode()) <= MAX_KEY_BYTES:
            text = f"The object's key is empty or has more than {MAX_KEY_BYTES} bytes."
            raise ApiError(400, 10020, text)
        received = await self._receive(request)
        before = self._account.database.value(
            "SELECT sha256 FROM r2_objects WHERE bucket = ? AND key = ?", bucket, key
        )
        self._account.database.execute(
            "INSERT OR REPLACE INTO r2_objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            bucket,
            key,
            received.sha256,
            received.md5,
            received.size,
            self._account.clock.timestamp(),
            self._account.uuid(),
        )
        if before is not None:
            self._forget_content(before)
        row = self._object(request)
        return success(
            {
                "key": row["key"],
                "etag": row["etag"],
                "size": str(row["size"]),
                "uploaded": row["uploaded"],
                "version": row["version"],
                "storage_class": "Standard",
            }
        )

    async def _receive(self, request: Request) -> _Received:
        """Write a body into the file of its SHA-256, part by part."""
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        part = self._files() / f"{secrets.token_hex(8)}.part"
        try:
            with part.open("wb") as file:
                part.chmod(0o600)
                async for chunk in request.stream():
                    file.write(chunk)
                    sha256.update(chunk)
                    md5.update(chunk)
                    if file.tell() > MAX_OBJECT_BYTES:
                        raise ApiError(400, 100100, "The object is larger than 300 MB.")
                file.flush()
                os.fsync(file.fileno())
            size = part.stat().st_size
            part.replace(self._files() / sha256.hexdigest())
        finally:
            part.unlink(missing_ok=True)
        return _Received(sha256.hexdigest(), md5.hexdigest(), size)

    async def _download(self, request: Request) -> Response:
        row = self._object(request)
        return FileResponse(
            self._files() / row["sha256"],
            media_type="application/octet-stream",
            headers={"ETag": f'"{row["etag"]}"'},
        )

    async def _remove(self, request: Request) -> Response:
        row = self._object(request)
        self._account.database.execute(
            "DELETE FROM r2_objects WHERE bucket = ? AND key = ?", row["bucket"], row["key"]
        )
        self._forget_content(row["sha256"])
        return success({})

    def _forget_content(self, digest: str) -> None:
        """Remove the bytes that no object has any more."""
        used = "SELECT 1 FROM r2_objects WHERE sha256 = ?"
        if self._account.database.row(used, digest) is None:
            (self._files() / digest).unlink(missing_ok=True)

    def _find(self, name: str) -> Row:
        row = self._account.database.row("SELECT * FROM r2_buckets WHERE name = ?", name)
        if row is None:
            raise ApiError(404, 10006, "The specified bucket does not exist.")
        return row

    def _object(self, request: Request) -> Row:
        bucket = self._find(request.path_params["bucket"])["name"]
        row = self._account.database.row(
            "SELECT * FROM r2_objects WHERE bucket = ? AND key = ?",
            bucket,
            request.path_params["key"],
        )
        if row is None:
            raise ApiError(404, 10007, "The specified key does not exist.")
        return row

    def _files(self) -> Path:
        path = self._account.home.cloud / "r2"
        path.mkdir(mode=0o700, exist_ok=True)
        return path


def _group(key: str, prefix: str, delimiter: str | None) -> str | None:
    """The part of a key up to the first delimiter after the prefix; None where there is none."""
    if delimiter is None:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def _shown(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "creation_date": row["created_on"],
        "storage_class": row["storage_class"],
        "jurisdiction": "default",
        "location": "weur",
    }


def _object(row: Row) -> dict[str, Any]:
    return {
        "key": row["key"],
        "etag": row["etag"],
        "size": row["size"],
        "last_modified": row["uploaded"],
        "custom_metadata": {},
        "http_metadata": {"contentType": "application/octet-stream"},
        "storage_class": "Standard",
    }


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Buckets(account).routes()
