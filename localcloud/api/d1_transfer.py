"""Export, import and time travel of D1 databases.

Source: Cloudflare API reference, D1: "Export D1 Database as SQL", "Import SQL into your D1
Database", "Get D1 database bookmark", "Restore D1 Database to a bookmark or point in time". An
export and an import are done when the first call answers, so that polling finds them complete. Time
travel returns to the bookmarks that were asked for (and to the one before each restore and import),
not to any moment: the local cloud keeps copies, not a log of changes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud import d1_dump
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.resources import Account
from localcloud.api.sql_statements import StatementError, split
from localcloud.host_client import HostError

_MALFORMED = 7400
_LINK_MS = 3_600_000  # "Available for one hour"
_KEPT_BOOKMARKS = 20
_FILE = r"[0-9a-f]{32}\.sql"


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


class Transfers:
    """The endpoints below one database, and the links that they hand out."""

    def __init__(self, account: Account) -> None:
        self._account = account

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
        text = await self._dump(
            uuid, d1_dump.DumpOptions(options.no_data, options.no_schema, tuple(options.tables))
        )
        name = f"{secrets.token_hex(16)}.sql"
        self._files().joinpath(name).write_text(text, encoding="utf-8")
        return success(
            {
                "type": "export",
                "success": True,
                "status": "complete",
                "at_bookmark": _new_bookmark(self._account.clock.now_ms()),
                "messages": [],
                "result": {"filename": name, "signed_url": self._link(request, name, "GET")},
            }
        )

    async def _import(self, request: Request) -> Response:
        uuid = self._find(request)
        wanted = await body_model(request, _Import, code=_MALFORMED)
        if wanted.action == "poll":
            raise ApiError(400, _MALFORMED, "There is no import under way.")
        if wanted.etag is None:
            raise ApiError(400, _MALFORMED, f"etag is required for '{wanted.action}'.")
        if wanted.action == "init":
            name = f"{wanted.etag}.sql"
            link = self._link(request, name, "PUT")
            return success({"type": "import", "filename": name, "upload_url": link})
        path = self._files() / (wanted.filename or "")
        if wanted.filename is None or not path.is_file():
            raise ApiError(400, _MALFORMED, "The file was not uploaded.")
        content = path.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != wanted.etag:
            raise ApiError(400, _MALFORMED, "The uploaded file doesn't match its etag.")
        await self._keep(uuid)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ApiError(400, _MALFORMED, "The uploaded file isn't UTF-8 text.") from error
        count, meta = await self._run(uuid, text)
        path.unlink()
        bookmark = _new_bookmark(self._account.clock.now_ms())
        return success(
            {
                "type": "import",
                "success": True,
                "status": "complete",
                "at_bookmark": bookmark,
                "messages": [],
                "result": {"final_bookmark": bookmark, "num_queries": count, "meta": meta},
            }
        )

    async def _bookmark(self, request: Request) -> Response:
        uuid = self._find(request)
        timestamp = request.query_params.get("timestamp")
        kept = await self._keep(uuid) if timestamp is None else self._before(uuid, timestamp)
        return success({"bookmark": kept})

    async def _restore(self, request: Request) -> Response:
        uuid = self._find(request)
        bookmark = request.query_params.get("bookmark")
        timestamp = request.query_params.get("timestamp")
        if (bookmark is None) == (timestamp is None):
            raise ApiError(400, _MALFORMED, "Give either bookmark or timestamp.")
        wanted = bookmark or self._before(uuid, timestamp or "")
        if wanted not in self._kept(uuid):
            raise ApiError(400, _MALFORMED, "There is no such bookmark.")
        text = (self._bookmarks(uuid) / f"{wanted}.sql").read_text(encoding="utf-8")
        before = await self._keep(uuid)
        client = await self._account.runtime.client()
        clearing = await d1_dump.clearing(client, uuid)
        await self._run(uuid, "".join(f"{line};\n" for line in clearing) + text)
        return success(
            {
                "bookmark": _new_bookmark(self._account.clock.now_ms()),
                "previous_bookmark": before,
                "message": "Restored.",
            }
        )

    async def _dump(self, uuid: str, options: d1_dump.DumpOptions) -> str:
        try:
            return await d1_dump.dump(await self._account.runtime.client(), uuid, options)
        except d1_dump.SchemaMoved as error:
            raise ApiError(503, 7500, str(error)) from error

    async def _run(self, uuid: str, text: str) -> tuple[int, dict[str, Any]]:
        """Run a text of SQL as one transaction; returns how many statements, and their sums."""
        client = await self._account.runtime.client()
        try:
            statements = [{"sql": sql, "params": []} for sql in split(text)]
            results = await client.query(uuid, statements)
        except StatementError as error:
            raise ApiError(400, 7500, str(error)) from error
        except HostError as error:
            if error.code == "sql_error":
                raise ApiError(400, 7500, error.message) from error
            raise
        metas = [result["meta"] for result in results]
        sums = {
            name: sum(meta.get(name, 0) for meta in metas)
            for name in ("rows_read", "rows_written", "changes", "duration")
        }
        last = metas[-1]
        return len(statements), {
            "served_by": "local",
            **sums,
            "changed_db": any(meta.get("changed_db") for meta in metas),
            "last_row_id": last.get("last_row_id", 0),
            "size_after": last.get("size_after", 0),
        }

    async def _keep(self, uuid: str) -> str:
        """Keep a copy of the database as it is and return the bookmark of it."""
        text = await self._dump(uuid, d1_dump.DumpOptions())
        bookmark = _new_bookmark(self._account.clock.now_ms())
        (self._bookmarks(uuid) / f"{bookmark}.sql").write_text(text, encoding="utf-8")
        for old in self._kept(uuid)[:-_KEPT_BOOKMARKS]:
            (self._bookmarks(uuid) / f"{old}.sql").unlink(missing_ok=True)
        return bookmark

    def _kept(self, uuid: str) -> list[str]:
        return sorted(path.stem for path in self._bookmarks(uuid).glob("*.sql"))

    def _before(self, uuid: str, timestamp: str) -> str:
        try:
            moment = datetime.fromisoformat(timestamp)
        except ValueError:
            raise ApiError(400, _MALFORMED, "timestamp must be an ISO 8601 time.") from None
        limit = f"{int(moment.timestamp() * 1000):016x}"
        earlier = [name for name in self._kept(uuid) if name.partition("-")[0] <= limit]
        if not earlier:
            raise ApiError(400, _MALFORMED, "There is no bookmark at or before that time.")
        return earlier[-1]

    async def _download(self, request: Request) -> Response:
        path = self._signed(request, "GET")
        if not path.is_file():
            raise ApiError(404, _MALFORMED, "There is no such file.")
        return Response(path.read_bytes(), media_type="application/sql")

    async def _upload(self, request: Request) -> Response:
        path = self._signed(request, "PUT")
        path.write_bytes(await request.body())
        return Response(status_code=200, headers={"ETag": f'"{path.stem}"'})

    def _find(self, request: Request) -> str:
        uuid = str(request.path_params["uuid"])
        if self._account.database.row("SELECT 1 FROM d1_databases WHERE uuid = ?", uuid) is None:
            raise ApiError(404, 7404, f"The database {uuid} could not be found")
        return uuid

    def _files(self) -> Path:
        return _folder(self._account.home.cloud / "d1-files")

    def _bookmarks(self, uuid: str) -> Path:
        return _folder(self._account.home.cloud / "d1-bookmarks" / uuid)

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


def _new_bookmark(now_ms: int) -> str:
    """An id that sorts by time, in the shape of D1's: groups of hexadecimal digits."""
    return f"{now_ms:016x}-{secrets.token_hex(4)}-{secrets.token_hex(16)}"


def forget(account: Account, uuid: str) -> None:
    """Remove the kept copies of a database that is gone."""
    shutil.rmtree(account.home.cloud / "d1-bookmarks" / uuid, ignore_errors=True)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, mode=0o700, exist_ok=True)
    return path


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Transfers(account).routes()


def link_routes(account: Account) -> Sequence[Route]:
    """The signed links' routes, from the root."""
    return Transfers(account).links()
