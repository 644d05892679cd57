"""KV namespaces and their values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.multipart import is_form, read_form
from localcloud.api.references import namespace_scripts
from localcloud.api.resources import Account
from localcloud.database import Row
from localcloud.host_client import HostError, StoredValue
from localcloud.json_text import parse_json

# Codes: 10009 no such key, 10013 no such namespace, 10014 title taken, 10019 title required,
# 10033 bad expiration, 10047 value too large, 10048 metadata too large, 10052 namespace is bound.
MAX_VALUE_BYTES = 25 * 1024 * 1024
MAX_KEY_BYTES = 512
MAX_METADATA_BYTES = 1024
_MALFORMED = 10026
MIN_TTL_SECONDS = 60
_MAX_DIGITS = 18  # of a number of seconds
_PATH = "/storage/kv/namespaces"


class _Namespace(BaseModel):
    title: str = Field(min_length=1, max_length=512)


class Namespaces:
    """The KV namespaces of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """/storage/kv/namespaces and below."""
        return [
            Route(_PATH, self._create, methods=["POST"]),
            Route(_PATH, self._listing, methods=["GET"]),
            Route(_PATH + "/{id}", self._read, methods=["GET"]),
            Route(_PATH + "/{id}", self._rename, methods=["PUT"]),
            Route(_PATH + "/{id}", self._delete, methods=["DELETE"]),
            Route(_PATH + "/{id}/keys", self._keys, methods=["GET"]),
            Route(_PATH + "/{id}/metadata/{key:path}", self._get_metadata, methods=["GET"]),
            Route(_PATH + "/{id}/values/{key:path}", self._get_value, methods=["GET"]),
            Route(_PATH + "/{id}/values/{key:path}", self._put_value, methods=["PUT"]),
            Route(_PATH + "/{id}/values/{key:path}", self._delete_value, methods=["DELETE"]),
        ]

    def _find(self, request: Request) -> Row:
        return find_namespace(self._account, request)

    def _store(self, sql: str, *parameters: str) -> None:
        try:
            self._account.database.execute(sql, *parameters)
        except sqlite3.IntegrityError as error:
            message = "a namespace with this account ID and title already exists"
            raise ApiError(400, 10014, message) from error

    async def _create(self, request: Request) -> Response:
        wanted = await body_model(request, _Namespace, code=10019)
        identifier = self._account.ids()
        self._store("INSERT INTO kv_namespaces VALUES (?, ?)", identifier, wanted.title)
        try:
            await self._account.desired.sync_stores()
        except Exception:
            self._account.database.execute("DELETE FROM kv_namespaces WHERE id = ?", identifier)
            raise
        return success(_shown(identifier, wanted.title))

    async def _listing(self, request: Request) -> Response:
        query = ListQuery(request)
        rows = self._account.database.rows("SELECT * FROM kv_namespaces")
        by: dict[str, Callable[[Row], str]] = {
            "id": lambda row: str(row["id"]),
            "title": lambda row: str(row["title"]),
        }
        rows = query.sorted(rows, by=by, default="id")
        return query.page([_shown(row["id"], row["title"]) for row in rows])

    async def _read(self, request: Request) -> Response:
        row = self._find(request)
        return success(_shown(row["id"], row["title"]))

    async def _rename(self, request: Request) -> Response:
        row = self._find(request)
        wanted = await body_model(request, _Namespace, code=10019)
        self._store("UPDATE kv_namespaces SET title = ? WHERE id = ?", wanted.title, row["id"])
        return success(_shown(row["id"], wanted.title))

    async def _delete(self, request: Request) -> Response:
        identifier = self._find(request)["id"]
        if scripts := namespace_scripts(self._account.database, identifier):
            names = ", ".join(scripts)
            raise ApiError(
                400, 10052, f"remove namespace: 'namespace has associated scripts: {names}'"
            )
        await self._account.desired.delete_store("kv", identifier)
        self._account.database.execute("DELETE FROM kv_namespaces WHERE id = ?", identifier)
        return success({})

    async def _find_value(self, namespace_id: str, key: str) -> StoredValue:
        client = await self._account.runtime.client()
        try:
            return await client.get_value(namespace_id, key)
        except HostError as error:
            if error.status == 404:
                raise ApiError(404, 10009, "get: 'key not found'") from error
            raise

    async def _get_value(self, request: Request) -> Response:
        value = await self._find_value(self._find(request)["id"], _key(request))
        headers = {} if value.expiration is None else {"expiration": str(value.expiration)}
        return Response(value.content, media_type="application/octet-stream", headers=headers)

    async def _get_metadata(self, request: Request) -> Response:
        value = await self._find_value(self._find(request)["id"], _key(request))
        return success(value.metadata)

    async def _put_value(self, request: Request) -> Response:
        identifier = self._find(request)["id"]
        key = _key(request)
        ttl = _expiration_ttl(request, self._account.clock.now_ms())
        content, metadata = await _value(request)
        client = await self._account.runtime.client()
        await client.put_value(identifier, key, content, expiration_ttl=ttl, metadata=metadata)
        return success({})

    async def _delete_value(self, request: Request) -> Response:
        identifier = self._find(request)["id"]
        client = await self._account.runtime.client()
        await client.delete_value(identifier, _key(request))
        return success({})

    async def _keys(self, request: Request) -> Response:
        identifier = self._find(request)["id"]
        asked = ListQuery(request)
        wanted = {
            "prefix": asked.prefix("prefix"),
            "limit": asked.number("limit", 1000, 10, 1000),
            "cursor": asked.prefix("cursor"),
        }
        asked.done()
        client = await self._account.runtime.client()
        found = await client.list_keys(identifier, urlencode(wanted))
        names = found.get("keys", [])
        for name in names:
            if isinstance(name.get("metadata"), str):  # the store gives it as it was written
                name["metadata"] = json.loads(name["metadata"])
        return success(names, info={"count": len(names), "cursor": found.get("cursor") or ""})


def find_namespace(account: Account, request: Request) -> Row:
    """Return the row of the namespace in the path. Raises ApiError(404, 10013)."""
    identifier = request.path_params["id"]
    row = account.database.row("SELECT * FROM kv_namespaces WHERE id = ?", identifier)
    if row is None:
        raise ApiError(404, 10013, "namespace not found")
    return row


def _shown(identifier: str, title: str) -> dict[str, object]:
    return {"id": identifier, "title": title, "supports_url_encoding": True}


def _key(request: Request) -> str:
    return check_key(request.path_params["key"])


def _expiration_ttl(request: Request, now_ms: int) -> int | None:
    """The life in seconds, from `expiration_ttl` or from the moment in `expiration`."""
    query = request.query_params
    return lifetime(query.get("expiration_ttl"), query.get("expiration"), now_ms)


def lifetime(ttl: str | int | None, moment: str | int | None, now_ms: int) -> int | None:
    """Return how many seconds a value lives, None for ever. Raises ApiError(400, 10033).

    `ttl` is in seconds, `moment` in seconds since 1970; the first wins where both are given.
    """
    given = ttl if ttl is not None else moment
    if given is None:
        return None
    if not (str(given).isdecimal() and len(str(given)) <= _MAX_DIGITS):
        raise ApiError(400, 10033, f"Invalid expiration of {str(given)[:40]}. Give whole seconds.")
    seconds = int(given) if ttl is not None else int(given) - now_ms // 1000
    if seconds < MIN_TTL_SECONDS:
        message = (
            f"Invalid expiration_ttl of {seconds}. "
            f"Expiration TTL must be at least {MIN_TTL_SECONDS}."
        )
        raise ApiError(400, 10033, message)
    return seconds


async def _value(request: Request) -> tuple[bytes, Any]:
    """The value and its metadata: the raw body, or the parts of a form, as the SDKs send them."""
    content, metadata = await request.body(), None
    if is_form(request):
        parts = {part.name: part.content for part in await read_form(request, code=_MALFORMED)}
        if "value" not in parts:
            raise ApiError(400, _MALFORMED, "The form has no part named value.")
        content = parts["value"]
        try:
            metadata = parse_json(parts.get("metadata") or b"null")
        except ValueError as error:
            raise ApiError(400, _MALFORMED, "metadata isn't JSON.") from error
    check_value(content, metadata)
    return content, metadata


def check_value(content: bytes, metadata: Any) -> None:
    """Raise ApiError(413) for a value or a metadata that is too large."""
    if len(content) > MAX_VALUE_BYTES:
        raise ApiError(413, 10047, f"A value has at most {MAX_VALUE_BYTES} bytes.")
    size = len(json.dumps(metadata, separators=(",", ":"), ensure_ascii=False).encode())
    if metadata is not None and size > MAX_METADATA_BYTES:
        raise ApiError(413, 10048, f"Metadata has at most {MAX_METADATA_BYTES} bytes.")


def check_key(key: str) -> str:
    """Return the key. Raises ApiError(400, 10030) for one that KV doesn't take."""
    if not key or len(key.encode()) > MAX_KEY_BYTES or key in {".", ".."}:
        raise ApiError(400, 10030, f"A key has 1 to {MAX_KEY_BYTES} bytes and isn't '.' or '..'.")
    return key


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Namespaces(account).routes()
