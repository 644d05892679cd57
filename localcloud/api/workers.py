"""Workers: the named things that versions and deployments belong to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_json, body_model, parse, success
from localcloud.api.listing import ListQuery
from localcloud.api.references import service_scripts
from localcloud.api.resources import Account
from localcloud.database import Row

# Codes: 10007 unknown Worker, 10026 malformed body, 10040 name taken, 10064 still a consumer,
# 10069 still called by another Worker.
_MALFORMED = 10026
NAME = r"^[a-z0-9_][a-z0-9_-]{0,62}$"


# What names a Worker follows it when it gets another name.
_RENAMES = (
    "UPDATE queue_consumers SET script_name = ? WHERE script_name = ?",
    "UPDATE worker_domains SET service = ? WHERE service = ?",
    "UPDATE worker_routes SET script = ? WHERE script = ?",
)


_ORDERS = ("deployed_on", "updated_on", "created_on", "name")


def _order(field: str, row: Row) -> str:
    return str(row[field] or "")


class _Subdomain(BaseModel):
    enabled: bool = False
    previews_enabled: bool = False


class _Consumer(BaseModel):
    name: str


class _Settings(BaseModel):
    """Settings that are kept and echoed; nothing on this machine depends on them."""

    model_config = ConfigDict(extra="ignore")
    logpush: bool = False
    observability: dict[str, Any] = Field(default_factory=lambda: {"enabled": False})
    tags: list[str] = []
    tail_consumers: list[_Consumer] = []


class _Worker(_Settings):
    name: str = Field(pattern=NAME)
    subdomain: _Subdomain = _Subdomain()


def routes(account: Account) -> Sequence[Route]:
    """/workers/workers and /workers/workers/{worker_id}; the id may be the name as well."""
    database = account.database

    async def create(request: Request) -> Response:
        wanted = await body_model(request, _Worker, code=_MALFORMED)
        try:
            row = _insert(account, wanted)
        except sqlite3.IntegrityError as error:
            raise _taken(wanted.name) from error
        # Its versions have preview hosts before anything is deployed.
        await account.desired.sync_routes()
        return success(shown(account, row))

    async def listing(request: Request) -> Response:
        query = ListQuery(request)
        rows = query.sorted(
            database.rows("SELECT * FROM workers ORDER BY rowid"),
            by={name: partial(_order, name) for name in _ORDERS},
            default="deployed_on",
            order="order_by",
            direction="order",
            descending=True,
        )
        chosen, info = query.slice(rows)
        return success([shown(account, row) for row in chosen], info=info)

    async def read(request: Request) -> Response:
        return success(shown(account, _asked(account, request)))

    async def change(request: Request) -> Response:
        row = _asked(account, request)
        document = await body_json(request, code=_MALFORMED)
        if request.method == "PATCH" and isinstance(document, dict):
            document = {**shown(account, row), **document}
        wanted = parse(_Worker, document, code=_MALFORMED)
        try:
            with database.transaction():
                database.execute(
                    "UPDATE workers SET name = ?, updated_on = ?, logpush = ?, observability = ?, "
                    "tags = ?, tail_consumers = ?, subdomain = ? WHERE id = ?",
                    wanted.name,
                    account.clock.timestamp(),
                    *_columns(wanted),
                    row["id"],
                )
                for statement in _RENAMES:
                    database.execute(statement, wanted.name, row["name"])
        except sqlite3.IntegrityError as error:
            raise _taken(wanted.name) from error
        await account.desired.sync_routes()
        account.queues_changed()
        account.schedules_changed()
        return success(shown(account, find_worker(account, row["id"])))

    async def delete(request: Request) -> Response:
        await delete_worker(account, _asked(account, request))
        return success(None)

    return [
        Route("/workers/workers", create, methods=["POST"]),
        Route("/workers/workers", listing, methods=["GET"]),
        Route("/workers/workers/{worker_id}", read, methods=["GET"]),
        Route("/workers/workers/{worker_id}", change, methods=["PUT", "PATCH"]),
        Route("/workers/workers/{worker_id}", delete, methods=["DELETE"]),
    ]


def create_worker(account: Account, name: str) -> Row:
    """Make a Worker with nothing but its name.

    Raises:
        ApiError: 400 for a name that isn't one.
        sqlite3.IntegrityError: The name is taken.
    """
    return _insert(account, parse(_Worker, {"name": name}, code=_MALFORMED))


def _insert(account: Account, wanted: _Worker) -> Row:
    identifier = account.ids()
    now = account.clock.timestamp()
    account.database.execute(
        "INSERT INTO workers VALUES (?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)",
        identifier,
        wanted.name,
        now,
        now,
        *_columns(wanted),
    )
    return find_worker(account, identifier)


def settings_of(row: Row) -> dict[str, Any]:
    """Return the settings of a Worker that aren't a version's."""
    return {
        "logpush": bool(row["logpush"]),
        "observability": json.loads(row["observability"]),
        "tags": json.loads(row["tags"]),
        "tail_consumers": json.loads(row["tail_consumers"]),
    }


def update_settings(account: Account, row: Row, given: dict[str, Any]) -> dict[str, Any]:
    """Change the settings that `given` has a value for, and return all of them."""
    new = {
        **settings_of(row),
        **{name: value for name, value in given.items() if value is not None},
    }
    account.database.execute(
        "UPDATE workers SET logpush = ?, observability = ?, tags = ?, tail_consumers = ?, "
        "updated_on = ? WHERE id = ?",
        new["logpush"],
        json.dumps(new["observability"]),
        json.dumps(new["tags"]),
        json.dumps(new["tail_consumers"]),
        account.clock.timestamp(),
        row["id"],
    )
    return new


def find_worker(account: Account, identifier: str) -> Row:
    """The row of a Worker by id or name. Raises ApiError(404, 10007)."""
    row = account.database.row(
        "SELECT * FROM workers WHERE id = ? OR name = ?", identifier, identifier
    )
    if row is None:
        raise ApiError(404, 10007, "This Worker does not exist on your account.")
    return row


async def delete_worker(account: Account, row: Row, *, force: bool = False) -> None:
    """Remove a Worker with its versions, deployments and schedules.

    `force` also removes one that others call, and its consumers. Raises ApiError(400).
    """
    if force:
        account.database.execute("DELETE FROM queue_consumers WHERE script_name = ?", row["name"])
    elif account.database.value("SELECT 1 FROM queue_consumers WHERE script_name = ?", row["name"]):
        raise ApiError(
            400,
            10064,
            "Cannot delete this Worker as it is a consumer for a Queue. Remove it from the "
            "Queue's consumers first, then retry.",
        )
    if not force and (callers := service_scripts(account.database, row["name"])):
        raise ApiError(
            400,
            10069,
            f"Cannot delete this Worker as {', '.join(callers)} calls it through a service "
            "binding. Remove the binding first, then retry.",
        )
    with account.database.transaction():
        # A Worker takes its addresses along; a route without a Worker would pass requests on.
        account.database.execute("DELETE FROM worker_domains WHERE service = ?", row["name"])
        account.database.execute("DELETE FROM worker_routes WHERE script = ?", row["name"])
        account.database.execute("DELETE FROM workers WHERE id = ?", row["id"])
    account.schedules_changed()
    account.queues_changed()
    await account.desired.sync_routes()


def shown(account: Account, row: Row) -> dict[str, Any]:
    """A Worker in the shape of the API."""
    queues = account.database.rows(
        "SELECT c.consumer_id, q.queue_id, q.queue_name FROM queue_consumers c "
        "JOIN queues q USING (queue_id) WHERE c.script_name = ? ORDER BY c.rowid",
        row["name"],
    )
    domains = account.database.rows(
        "SELECT d.id, d.hostname, d.zone_id, d.cert_id, z.name AS zone_name FROM worker_domains d "
        "JOIN zones z ON z.id = d.zone_id WHERE d.service = ? ORDER BY d.hostname",
        row["name"],
    )
    callers = [
        find_worker(account, name) for name in service_scripts(account.database, row["name"])
    ]
    return {
        "id": row["id"],
        "name": row["name"],
        "created_on": row["created_on"],
        "updated_on": row["updated_on"],
        "deployed_on": row["deployed_on"],
        "tags": json.loads(row["tags"]),
        "logpush": bool(row["logpush"]),
        "observability": json.loads(row["observability"]),
        "subdomain": json.loads(row["subdomain"]),
        "tail_consumers": json.loads(row["tail_consumers"]),
        "references": {
            "dispatch_namespace_outbounds": [],
            "domains": [_domain(domain) for domain in domains],
            "durable_objects": [],
            "queues": [
                {
                    "queue_consumer_id": queue["consumer_id"],
                    "queue_id": queue["queue_id"],
                    "queue_name": queue["queue_name"],
                }
                for queue in queues
            ],
            "workers": [{"id": caller["id"], "name": caller["name"]} for caller in callers],
        },
    }


def _domain(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "hostname": row["hostname"],
        "zone_id": row["zone_id"],
        "zone_name": row["zone_name"],
        "certificate_id": row["cert_id"],
    }


def _asked(account: Account, request: Request) -> Row:
    return find_worker(account, request.path_params["worker_id"])


def _columns(wanted: _Worker) -> tuple[Any, ...]:
    return (
        wanted.logpush,
        json.dumps(wanted.observability),
        json.dumps(wanted.tags),
        json.dumps([consumer.model_dump() for consumer in wanted.tail_consumers]),
        wanted.subdomain.model_dump_json(),
    )


def _taken(name: str) -> ApiError:
    return ApiError(409, 10040, f"A Worker with the name {name!r} already exists.")
