"""Export, import and time travel of D1 databases.

Source: Cloudflare API reference, D1: "Export D1 Database as SQL", "Import SQL into your D1
Database", "Get D1 database bookmark", "Restore D1 Database to a bookmark or point in time". An
export or import of some size is under way when the first call answers, and polling shows how far it
is. Time travel returns to the bookmarks that were asked for (and to the one before each restore and
import), not to any moment: the local cloud keeps copies, not a log of changes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from localcloud import d1_dump
from localcloud.api.d1_copies import D1Copies, new_bookmark
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.resources import Account
from localcloud.host_client import HostError

_MALFORMED = 7400
_SQL_ERROR = 7500
_LINK_MS = 3_600_000  # "Available for one hour"
MAX_FILE_BYTES = 5_000_000_000
"""The largest file that D1 imports (developers.cloudflare.com/d1/platform/limits)."""
_FILE = r"[0-9a-f]{32}\.sql"
_AT_ONCE_SECONDS = 10.0
"""So long the first call waits; the Cloudflare client gives up after a minute."""
_MD5 = partial(hashlib.md5, usedforsecurity=False)


class _Dump(BaseModel):
    no_data: bool = False
    no_schema: bool = False
    tables: list[str] = []


class _Export(BaseModel):
    output_format: Literal["polling"]
    current_bookmark: str | None = None
    dump_options: _Dump = _Dump()


class _Import(BaseModel):
    action: Literal["init", "ingest", "poll"]
    etag: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    filename: str | None = Field(default=None, pattern=rf"^{_FILE}$")
    current_bookmark: str | None = None


@dataclass
class _Job:
    """An export or import under way, or ended.

    Attributes:
        kind: "export" or "import".
        bookmark: by which it is polled.
        task: its work; the result is what the answer holds.
        messages: what nobody has been told yet.
    """

    kind: str
    bookmark: str
    task: asyncio.Task[dict[str, Any]]
    messages: list[str]


class Transfers:
    """The endpoints below one database, and the links that they hand out."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._copies = D1Copies(account)
        self._jobs: dict[str, _Job] = {}

    def routes(self) -> Sequence[Route]:
        """/d1/database/{uuid}/export, /import and /time_travel."""
        base = "/d1/database/{uuid}"
        return [
            Route(f"{base}/export", self._export, methods=["POST"]),
            Route(f"{base}/import", self._import, methods=["POST"]),
            Route(f"{base}/time_travel/bookmark", self._bookmark, methods=["GET"]),
            Route(f"{base}/time_travel/restore", self._restore, methods=["POST"]),
        ]

    def links(self) -> Sequence[Route]:
        """The signed links, which need no token: they are what the token's holder was given."""
        path = "/local/d1-files/{name}"
        return [
            Route(path, self._download, methods=["GET"]),
            Route(path, self._upload, methods=["PUT"]),
        ]

    async def _export(self, request: Request) -> Response:
        uuid = self._find(request)
        wanted = await body_model(request, _Export, code=_MALFORMED)
        options = wanted.dump_options
        known = self._polled(uuid, "export", wanted.current_bookmark)
        if known is not None:
            return await self._answer(known)
        name = self._new_file()
        link = self._link(request, name, "GET")
        chosen = d1_dump.DumpOptions(options.no_data, options.no_schema, tuple(options.tables))

        async def work(told: Callable[[str], None]) -> dict[str, Any]:
            source = await self._copies.file(uuid)

            def write() -> None:
                with (self._files() / name).open("wb") as file:
                    d1_dump.dump(
                        source, chosen, file, lambda rows, of: told(f"Wrote {rows} of {of} rows.")
                    )

            try:
                await asyncio.to_thread(write)
            except d1_dump.VirtualTable as error:
                raise ApiError(400, _SQL_ERROR, str(error)) from error
            return {"filename": name, "signed_url": link}

        return await self._answer(self._start(uuid, "export", work), first=True)

    async def _import(self, request: Request) -> Response:
        uuid = self._find(request)
        wanted = await body_model(request, _Import, code=_MALFORMED)
        if wanted.action == "poll":
            known = self._polled(uuid, "import", wanted.current_bookmark)
            if known is None:
                raise ApiError(400, _MALFORMED, "There is no import under way.")
            return await self._answer(known)
        if wanted.etag is None:
            raise ApiError(400, _MALFORMED, f"etag is required for '{wanted.action}'.")
        if wanted.action == "init":
            name = self._new_file()
            link = self._link(request, name, "PUT")
            return success({"type": "import", "filename": name, "upload_url": link})
        path = self._files() / (wanted.filename or "")
        if wanted.filename is None or not path.is_file():
            raise ApiError(400, _MALFORMED, "The file was not uploaded.")
        if await asyncio.to_thread(_md5, path) != wanted.etag:
            raise ApiError(400, _MALFORMED, "The uploaded file doesn't match its etag.")

        async def work(told: Callable[[str], None]) -> dict[str, Any]:
            await self._copies.keep(uuid)
            count, meta = await self._copies.ingest(uuid, path, told)
            path.unlink()
            bookmark = new_bookmark(self._account.clock.now_ms())
            return {"final_bookmark": bookmark, "num_queries": count, "meta": meta}

        return await self._answer(self._start(uuid, "import", work), first=True)

    def _start(
        self,
        uuid: str,
        kind: str,
        work: Callable[[Callable[[str], None]], Awaitable[dict[str, Any]]],
    ) -> _Job:
        """Begin a database's export or import; one at a time."""
        known = self._jobs.get(uuid)
        if known is not None and not known.task.done():
            raise ApiError(
                409, _MALFORMED, f"An {known.kind} of this database is under way; poll it."
            )
        messages: list[str] = []
        job = _Job(
            kind,
            new_bookmark(self._account.clock.now_ms()),
            asyncio.ensure_future(work(messages.append)),
            messages,
        )
        self._jobs[uuid] = job
        return job

    def _polled(self, uuid: str, kind: str, bookmark: str | None) -> _Job | None:
        known = self._jobs.get(uuid)
        if known is None or known.kind != kind or bookmark != known.bookmark:
            return None
        return known

    async def _answer(self, job: _Job, *, first: bool = False) -> Response:
        """How far a job is; a failure is an error of the call that began it, or a job's state."""
        await asyncio.wait({job.task}, timeout=_AT_ONCE_SECONDS if first else 1.0)
        told, job.messages[:] = list(job.messages), []
        shown = {"type": job.kind, "at_bookmark": job.bookmark, "messages": told}
        if not job.task.done():
            return success({**shown, "success": True, "status": "active"})
        if first:
            result = await job.task
        else:
            try:
                result = await job.task
            except (ApiError, HostError) as error:
                text = getattr(error, "message", str(error))
                return success({**shown, "success": False, "status": "error", "error": text})
        return success({**shown, "success": True, "status": "complete", "result": result})

    async def _bookmark(self, request: Request) -> Response:
        uuid = self._find(request)
        timestamp = request.query_params.get("timestamp")
        kept = (
            await self._copies.keep(uuid)
            if timestamp is None
            else self._copies.before(uuid, timestamp)
        )
        return success({"bookmark": kept})

    async def _restore(self, request: Request) -> Response:
        uuid = self._find(request)
        bookmark = request.query_params.get("bookmark")
        timestamp = request.query_params.get("timestamp")
        if (bookmark is None) == (timestamp is None):
            raise ApiError(400, _MALFORMED, "Give either bookmark or timestamp.")
        wanted = bookmark or self._copies.before(uuid, timestamp or "")
        before = await self._copies.restore(uuid, wanted)
        return success(
            {
                "bookmark": new_bookmark(self._account.clock.now_ms()),
                "previous_bookmark": before,
                "message": "Restored.",
            }
        )

    async def _download(self, request: Request) -> Response:
        path = self._signed(request, "GET")
        if not path.is_file():
            raise ApiError(404, _MALFORMED, "There is no such file.")
        return FileResponse(path, media_type="application/sql")

    async def _upload(self, request: Request) -> Response:
        path = self._signed(request, "PUT")
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        digest = _MD5()
        try:
            with part.open("wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
                    digest.update(chunk)
                    if file.tell() > MAX_FILE_BYTES:
                        raise ApiError(413, _MALFORMED, "A file has at most 5 GB.")
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        # As R2's: wrangler compares it with that of its file (workers-sdk, d1/execute.ts).
        return Response(status_code=200, headers={"ETag": f'"{digest.hexdigest()}"'})

    def _find(self, request: Request) -> str:
        uuid = str(request.path_params["uuid"])
        if self._account.database.row("SELECT 1 FROM d1_databases WHERE uuid = ?", uuid) is None:
            raise ApiError(404, 7404, f"The database {uuid} could not be found")
        return uuid

    def _files(self) -> Path:
        path = self._account.home.cloud / "d1-files"
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        return path

    def _new_file(self) -> str:
        """Return the name of a file for another link, and remove those of links long expired."""
        oldest = time.time() - 2 * _LINK_MS / 1000
        for path in self._files().iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
        return f"{secrets.token_hex(16)}.sql"

    def _link(self, request: Request, name: str, method: str) -> str:
        expires = str(self._account.clock.now_ms() + _LINK_MS)
        signature = self._signature(method, name, expires)
        return f"{request.base_url}local/d1-files/{name}?expires={expires}&signature={signature}"

    def _signed(self, request: Request, method: str) -> Path:
        name, query = str(request.path_params["name"]), request.query_params
        expires = query.get("expires", "")
        right = self._signature(method, name, expires)
        if not hmac.compare_digest(right.encode(), query.get("signature", "").encode()):
            raise ApiError(403, 10000, "The link's signature is wrong.")
        if int(expires) < self._account.clock.now_ms():
            raise ApiError(403, 10000, "The link has expired.")
        return self._files() / name

    def _signature(self, method: str, name: str, expires: str) -> str:
        key = self._account.home.api_token().encode()
        return hmac.new(key, f"{method}\n{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _MD5).hexdigest()


def forget(account: Account, uuid: str) -> None:
    """Remove the kept copies of a database that is gone."""
    D1Copies(account).forget(uuid)


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Transfers(account).routes()


def link_routes(account: Account) -> Sequence[Route]:
    """The signed links' routes, from the root."""
    return Transfers(account).links()
