"""Many values of a KV namespace at once.

Source: Cloudflare API reference, KV: "Write multiple key-value pairs", "Delete multiple key-value
pairs", "Get multiple key-value pairs".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.kv import check_key, check_value, find_namespace, lifetime
from localcloud.api.resources import Account
from localcloud.host_client import HostError
from localcloud.json_text import parse_json

# Code: 10026 malformed.
_MALFORMED = 10026
MAX_PAIRS = 10_000  # of one bulk call
MAX_READ = 100  # keys of one bulk read
_PATH = "/storage/kv/namespaces/{id}/bulk"


class _Pair(BaseModel):
    model_config = ConfigDict(extra="ignore")
    key: str
    value: str
    base64: bool = False
    expiration: int | None = None
    expiration_ttl: int | None = None
    metadata: Any = None


class _Pairs(RootModel[list[_Pair]]):
    root: list[_Pair] = Field(max_length=MAX_PAIRS)


class _Keys(RootModel[list[str]]):
    root: list[str] = Field(max_length=MAX_PAIRS)


class _Read(BaseModel):
    keys: list[str] = Field(max_length=MAX_READ)
    type: Literal["text", "json"] = "text"
    with_metadata: bool = Field(default=False, alias="withMetadata")


class BulkValues:
    """The bulk calls of the account's namespaces."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """/storage/kv/namespaces/{id}/bulk and below."""
        return [
            Route(_PATH, self._put, methods=["PUT"]),
            Route(_PATH, self._delete, methods=["DELETE"]),
            Route(f"{_PATH}/delete", self._delete, methods=["POST"]),
            Route(f"{_PATH}/get", self._get, methods=["POST"]),
        ]

    async def _put(self, request: Request) -> Response:
        identifier = find_namespace(self._account, request)["id"]
        pairs = (await body_model(request, _Pairs, code=_MALFORMED)).root
        now_ms = self._account.clock.now_ms()
        checked = [
            (
                check_key(pair.key),
                _content(pair),
                lifetime(pair.expiration_ttl, pair.expiration, now_ms),
                pair.metadata,
            )
            for pair in pairs
        ]
        client = await self._account.runtime.client()
        for key, content, ttl, metadata in checked:
            await client.put_value(identifier, key, content, expiration_ttl=ttl, metadata=metadata)
        return success({"successful_key_count": len(checked), "unsuccessful_keys": []})

    async def _delete(self, request: Request) -> Response:
        identifier = find_namespace(self._account, request)["id"]
        keys = (await body_model(request, _Keys, code=_MALFORMED)).root
        client = await self._account.runtime.client()
        for key in [check_key(key) for key in keys]:
            await client.delete_value(identifier, key)
        return success({"successful_key_count": len(keys), "unsuccessful_keys": []})

    async def _get(self, request: Request) -> Response:
        identifier = find_namespace(self._account, request)["id"]
        wanted = await body_model(request, _Read, code=_MALFORMED)
        client = await self._account.runtime.client()
        values: dict[str, Any] = {}
        for key in [check_key(key) for key in wanted.keys]:
            try:
                found = await client.get_value(identifier, key)
            except HostError as error:
                if error.status != 404:
                    raise
                values[key] = None
                continue
            value = _typed(key, found.content, wanted.type)
            values[key] = value
            if wanted.with_metadata:
                values[key] = {"value": value, "metadata": found.metadata}
                if found.expiration is not None:
                    values[key]["expiration"] = found.expiration
        return success({"values": values})


def _content(pair: _Pair) -> bytes:
    content = pair.value.encode()
    if pair.base64:
        try:
            content = base64.b64decode(pair.value, validate=True)
        except (binascii.Error, ValueError) as error:
            text = f"The value of the key {pair.key[:80]!r} isn't base64."
            raise ApiError(400, _MALFORMED, text) from error
    check_value(content, pair.metadata)
    return content


def _typed(key: str, content: bytes, kind: str) -> Any:
    try:
        return parse_json(content) if kind == "json" else content.decode("utf-8")
    except ValueError as error:
        text = f"The value of the key {key[:80]!r} can't be read as {kind}."
        raise ApiError(400, _MALFORMED, text) from error


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return BulkValues(account).routes()
