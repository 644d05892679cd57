"""D1 databases and their query endpoints."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from d1 import rules
from d1.statements import StatementError, placeholders, refuse_lower_case_begin, split
from localcloud.api import d1_transfer
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery, unsorted
from localcloud.api.resources import Account
from localcloud.d1_dump import OWN_NAME
from localcloud.database import Row
from localcloud.host_client import HostError

# Codes: 7400 malformed, 7404 unknown database, 7500 SQL error, 7502 name taken.
_MALFORMED = 7400


class _Replication(BaseModel):
    mode: Literal["auto", "disabled"]


class _NewDatabase(BaseModel):
    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    read_replication: _Replication = _Replication(mode="disabled")
    primary_location_hint: Literal["wnam", "enam", "weur", "eeur", "apac", "oc"] | None = None
    jurisdiction: Literal["eu", "fedramp"] | None = None


class _Change(BaseModel):
    read_replication: _Replication


class _Statement(BaseModel):
    sql: str
    params: list[str | int | float | None] = []


class _Query(BaseModel):
    sql: str | None = None
    params: list[str | int | float | None] = []
    batch: list[_Statement] | None = None


class Databases:
    """The D1 databases of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """/d1/database and below."""
        return [
            Route("/d1/database", self._create, methods=["POST"]),
            Route("/d1/database", self._listing, methods=["GET"]),
            Route("/d1/database/{uuid}", self._read, methods=["GET"]),
            Route("/d1/database/{uuid}", self._change, methods=["PUT", "PATCH"]),
            Route("/d1/database/{uuid}", self._delete, methods=["DELETE"]),
            Route("/d1/database/{uuid}/query", self._query, methods=["POST"]),
            Route("/d1/database/{uuid}/raw", self._raw, methods=["POST"]),
        ]

    def _find(self, request: Request) -> Row:
        return _row(self._account, request.path_params["uuid"])

    async def _create(self, request: Request) -> Response:
        wanted = await body_model(request, _NewDatabase, code=_MALFORMED)
        uuid = self._account.uuid()
        try:
            self._account.database.execute(
                "INSERT INTO d1_databases VALUES (?, ?, ?, ?, ?, ?)",
                uuid,
                wanted.name,
                self._account.clock.timestamp(),
                wanted.read_replication.model_dump_json(),
                wanted.primary_location_hint,
                wanted.jurisdiction,
            )
        except sqlite3.IntegrityError as error:
            message = f"A database with the name {wanted.name!r} already exists"
            raise ApiError(400, 7502, message) from error
        try:
            await self._account.desired.sync_stores()
        except Exception:
            self._account.database.execute("DELETE FROM d1_databases WHERE uuid = ?", uuid)
            raise
        return success(await _shown(self._account, _row(self._account, uuid)))

    async def _listing(self, request: Request) -> Response:
        query = ListQuery(request, code=_MALFORMED)
        rows = self._account.database.rows(
            "SELECT * FROM d1_databases WHERE instr(name, ?)", query.prefix("name")
        )
        return query.page([_brief(row) for row in unsorted(rows, lambda row: str(row["name"]))])

    async def _read(self, request: Request) -> Response:
        return success(await _shown(self._account, self._find(request)))

    async def _change(self, request: Request) -> Response:
        uuid = self._find(request)["uuid"]
        wanted = await body_model(request, _Change, code=_MALFORMED)
        replication = wanted.read_replication.model_dump_json()
        self._account.database.execute(
            "UPDATE d1_databases SET read_replication = ? WHERE uuid = ?", replication, uuid
        )
        return success(await _shown(self._account, _row(self._account, uuid)))

    async def _delete(self, request: Request) -> Response:
        uuid = self._find(request)["uuid"]
        # The data goes first: a kill in between leaves an empty database that can be deleted again.
        await self._account.desired.delete_store("d1", uuid)
        self._account.database.execute("DELETE FROM d1_databases WHERE uuid = ?", uuid)
        d1_transfer.forget(self._account, uuid)
        return success(None)

    async def _query(self, request: Request) -> Response:
        return success(await self._run(request, columns=False))

    async def _raw(self, request: Request) -> Response:
        return success(await self._run(request, columns=True))

    async def _run(self, request: Request, *, columns: bool) -> list[dict[str, Any]]:
        uuid = self._find(request)["uuid"]
        wanted = await body_model(request, _Query, code=_MALFORMED)
        try:
            statements = _statements(wanted)
        except StatementError as error:
            raise ApiError(400, 7500, str(error)) from error
        results = await _run(self._account, uuid, statements, columns=columns)
        now_ms = self._account.clock.now_ms()
        for statement, result in zip(statements, results, strict=True):
            self._account.queries.add(uuid, statement["sql"], result, now_ms)
        return results


def _statements(wanted: _Query) -> list[dict[str, Any]]:
    """One entry per statement, each with its own values; they run as one transaction."""
    if (wanted.sql is None) == (wanted.batch is None):
        raise StatementError("Give either sql, with params, or batch.")
    given = wanted.batch or [_Statement(sql=wanted.sql or "", params=wanted.params)]
    found: list[dict[str, Any]] = []
    for entry in given:
        left = list(entry.params)
        statements = split(entry.sql)
        refuse_lower_case_begin(statements)
        for sql in statements:
            if rules.is_too_long(sql):
                raise StatementError(rules.TOO_LONG)
            count = placeholders(sql)
            if count > len(left) or count > rules.MAX_PARAMETERS:
                raise StatementError(
                    f"Wrong number of parameter bindings for SQL query: {count} wanted, "
                    f"{len(left)} given, at most {rules.MAX_PARAMETERS}."
                )
            found.append({"sql": sql, "params": left[:count]})
            del left[:count]
        if left:
            raise StatementError(
                f"Wrong number of parameter bindings for SQL query: {len(left)} too many."
            )
    return found


async def _run(
    account: Account, uuid: str, statements: list[dict[str, Any]], *, columns: bool = False
) -> list[dict[str, Any]]:
    client = await account.runtime.client()
    began = time.perf_counter()
    try:
        results = await client.query(uuid, statements, columns=columns)
    except HostError as error:
        if error.code == "sql_error":
            raise ApiError(400, 7500, error.message) from error
        raise
    # The runtime reports 0 or 1 ms, so the duration is measured here, in milliseconds.
    duration = (time.perf_counter() - began) * 1000 / len(results)
    for result in results:
        meta = {"served_by": "local", **result.get("meta", {}), "duration": round(duration, 4)}
        result["meta"] = meta
    return results


def _row(account: Account, uuid: str) -> Row:
    row = account.database.row("SELECT * FROM d1_databases WHERE uuid = ?", uuid)
    if row is None:
        raise ApiError(404, 7404, f"The database {uuid} could not be found")
    return row


def _brief(row: Row) -> dict[str, Any]:
    found = {
        "uuid": row["uuid"],
        "name": row["name"],
        "version": "production",
        "created_at": row["created_at"],
    }
    if row["jurisdiction"]:
        found["jurisdiction"] = row["jurisdiction"]
    return found


async def _shown(account: Account, row: Row) -> dict[str, Any]:
    counting = (
        "SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' "  # noqa: S608
        f"AND {OWN_NAME.format('name')}"
    )
    (found,) = await _run(account, row["uuid"], [{"sql": counting, "params": []}])
    tables = found["results"][0]["tables"]
    return {
        **_brief(row),
        # An empty file still has SQLite's first page; Cloudflare calls a new database 0 bytes.
        "file_size": found["meta"].get("size_after", 0) if tables else 0,
        "num_tables": tables,
        "read_replication": json.loads(row["read_replication"]),
    }


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Databases(account).routes()
