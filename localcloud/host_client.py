"""The control channel to the Node host, which owns processes and bytes but decides nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from localcloud.errors import RuntimeDown

_CONNECT = 5.0
_ANSWER = 60.0
_BOOT = 120.0  # a cold boot takes 3 s; on a loaded machine several times that
_DRAIN = 120.0
_VALUE_HEADERS = ("cf-kv-metadata", "cf-expiration")
_HANDLER = 15 * 60.0  # wall time that Cloudflare grants a queue consumer or a cron handler


@dataclass(frozen=True)
class StoredValue:
    """A value of KV; `expiration` is in seconds since 1970, None for a value that stays."""

    content: bytes
    metadata: Any
    expiration: int | None


@dataclass(frozen=True)
class DatabaseFiles:
    """The file that holds a database, and the path of the one that can replace it."""

    file: Path
    next: Path


class HostError(Exception):
    """The host answered with an error: `status`, its `code` and `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class HostClient:
    """Calls of the control channel. Every method raises HostError or RuntimeDown.

    RuntimeDown means that the call didn't reach the host; `LostAnswer` that it did, and that the
    connection broke before the answer.
    """

    def __init__(self, control_port: int, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{control_port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(_ANSWER, connect=_CONNECT),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            trust_env=False,
            verify=False,  # noqa: S501  plain HTTP on the loopback: spares reading certificates
        )

    async def _call(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _ANSWER,
    ) -> httpx.Response:
        try:
            response = await self._http.request(
                method,
                path,
                json=json_body,
                content=content,
                headers=headers,
                timeout=httpx.Timeout(seconds, connect=_CONNECT),
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise RuntimeDown("The local runtime isn't reachable; it may be restarting.") from error
        except httpx.HTTPError as error:
            raise LostAnswer() from error
        if response.status_code >= 400:
            raise _host_error(response)
        return response

    async def health(self) -> dict[str, Any]:
        """State of the host, its versions and its store."""
        return _object(await self._call("GET", "/health"))

    async def invocations(self) -> list[dict[str, Any]]:
        """Requests by version and minute, with their failures and durations in milliseconds."""
        found = _object(await self._call("GET", "/invocations"))
        return list(found["invocations"])

    async def analytics_points(self) -> list[dict[str, Any]]:
        """Points that Workers have written to data sets of Analytics Engine, oldest first."""
        found = _object(await self._call("GET", "/analytics"))
        return list(found["points"])

    async def put_stores(self, d1: Sequence[str], kv: Sequence[str]) -> None:
        """Tell which databases and namespaces exist."""
        await self._call("PUT", "/stores", json_body={"d1": list(d1), "kv": list(kv)})

    async def delete_store(self, kind: str, identifier: str) -> None:
        """Remove a store (`kind` d1 or kv) with its data; one that isn't there is fine."""
        try:
            await self._call("DELETE", f"/stores/{kind}/{identifier}")
        except HostError as error:
            if error.status != 404:
                raise

    async def put_version(
        self, identifier: str, document: dict[str, Any], *, validate: bool
    ) -> dict[str, Any]:
        """Boot a version; answers {bootMs, startupMs, fromSnapshot}.

        With `validate` its start is judged as at an upload. A start-up error is `boot_failed`.
        """
        path = f"/versions/{identifier}" + ("?validate" if validate else "")
        return _object(await self._call("PUT", path, json_body=document, seconds=_BOOT))

    async def delete_version(self, identifier: str) -> None:
        """Drain and dispose a version; one that isn't there is fine."""
        try:
            await self._call("DELETE", f"/versions/{identifier}", seconds=_DRAIN)
        except HostError as error:
            if error.status != 404:
                raise

    async def put_tails(self, scripts: Collection[str]) -> None:
        """Name the Workers that somebody watches: their traces come with the events."""
        await self._call("PUT", "/tails", json_body={"scripts": sorted(scripts)})

    async def put_clock(self, offset_ms: int) -> None:
        """Move the clock of all Workers; answers when each that runs has been told."""
        await self._call("PUT", "/clock", json_body={"offset_ms": offset_ms})

    async def put_routes(self, document: dict[str, Any]) -> None:
        """Swap the whole routing table; answers when the swap is done."""
        await self._call("PUT", "/routes", json_body=document)

    async def deliver(
        self, version_id: str, queue: str, messages: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Run the queue handler of a version with one batch."""
        body = {"queue": queue, "messages": messages}
        path = f"/versions/{version_id}/queue"
        return _object(await self._call("POST", path, json_body=body, seconds=_HANDLER))

    async def fire(self, version_id: str, cron: str, scheduled_ms: int) -> dict[str, Any]:
        """Run the scheduled handler of a version."""
        body = {"cron": cron, "scheduledTimeMs": scheduled_ms}
        path = f"/versions/{version_id}/scheduled"
        return _object(await self._call("POST", path, json_body=body, seconds=_HANDLER))

    async def query(
        self, database_id: str, statements: list[dict[str, Any]], *, columns: bool = False
    ) -> list[dict[str, Any]]:
        """Run statements as one transaction; with `columns` the rows come as arrays."""
        path = f"/d1/{database_id}/query"
        if columns:
            path += "?resultsFormat=ROWS_AND_COLUMNS"
        found = _object(await self._call("POST", path, json_body=statements))
        results: list[dict[str, Any]] = found["results"]
        return results

    async def files(self, database_id: str) -> DatabaseFiles:
        """Where a database's file lies, and where another one can take its place."""
        return _files(await self._call("GET", f"/d1/{database_id}/files"))

    async def hold(self, database_id: str) -> DatabaseFiles:
        """Let a database's queries wait until `release`; those under way have ended then."""
        return _files(await self._call("POST", f"/d1/{database_id}/hold", seconds=_HANDLER))

    async def release(self, database_id: str, *, swap: bool) -> None:
        """Let a database's queries go on; with `swap`, on the file at `next`."""
        await self._call("POST", f"/d1/{database_id}/release", json_body={"swap": swap})

    async def get_value(self, namespace_id: str, key: str) -> StoredValue:
        """The value of a key; HostError with status 404 where there is none."""
        answer = await self._call("GET", _value_path(namespace_id, key))
        metadata, expiration = (answer.headers.get(name) for name in _VALUE_HEADERS)
        return StoredValue(
            answer.content,
            None if metadata is None else json.loads(metadata),
            None if expiration is None else int(expiration),
        )

    async def put_value(
        self,
        namespace_id: str,
        key: str,
        value: bytes,
        *,
        expiration_ttl: int | None,
        metadata: Any,
    ) -> None:
        """Store a value; `expiration_ttl` is in seconds, `metadata` is any JSON."""
        path = _value_path(namespace_id, key)
        if expiration_ttl is not None:
            path += f"?expiration_ttl={expiration_ttl}"
        headers = {}
        if metadata is not None:
            headers[_VALUE_HEADERS[0]] = json.dumps(metadata, separators=(",", ":"))
        await self._call("PUT", path, content=value, headers=headers)

    async def delete_value(self, namespace_id: str, key: str) -> None:
        """Remove a key; one that isn't there is fine."""
        try:
            await self._call("DELETE", _value_path(namespace_id, key))
        except HostError as error:
            if error.status != 404:
                raise

    async def list_keys(self, namespace_id: str, query: str) -> dict[str, Any]:
        """Keys of a namespace; `query` is the encoded prefix, limit and cursor."""
        return _object(await self._call("GET", f"/kv/{namespace_id}/keys?{query}"))

    async def events(self) -> AsyncIterator[list[str]]:
        """Log lines and restarts as they happen, each one line of JSON, until the host ends.

        What came together is yielded together: each request of a Worker leaves lines.
        """
        timeout = httpx.Timeout(None, connect=_CONNECT)
        async with self._http.stream("GET", "/events", timeout=timeout) as response:
            rest: list[str] = []
            async for text in response.aiter_text():
                # Not `splitlines`, which divides at signs that JSON texts may hold as well.
                first, *lines = text.split("\n")
                rest.append(first)
                if lines:
                    complete = ["".join(rest), *lines[:-1]]
                    rest = [lines[-1]]
                    yield [line for line in complete if line]

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


class LostAnswer(HostError):
    """The call reached the host, but the connection broke before it answered."""

    def __init__(self) -> None:
        super().__init__(502, "lost_answer", "The runtime ended before it answered.")


def _value_path(namespace_id: str, key: str) -> str:
    return f"/kv/{namespace_id}/values/{quote(key, safe='')}"


def _files(response: httpx.Response) -> DatabaseFiles:
    found = _object(response)
    return DatabaseFiles(Path(found["file"]), Path(found["next"]))


def _object(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json() if response.content else {}
    return found


def _host_error(response: httpx.Response) -> HostError:
    try:
        error = response.json()["error"]
        return HostError(response.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return HostError(response.status_code, "unknown", "The runtime gave no reason.")
