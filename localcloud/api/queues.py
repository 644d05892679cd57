"""Queues."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery, unsorted
from localcloud.api.queue_consumers import consumers_of, find_queue
from localcloud.api.references import queue_scripts
from localcloud.api.resources import Account
from localcloud.database import Row

# Codes: 10026 malformed body, 11000 unknown queue, 11003 bad name, 11005 in use, 11009 name taken.
DEFAULT_RETENTION_SECONDS = 345_600  # four days
_PER_PAGE = 100
NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class _Settings(BaseModel):
    delivery_delay: int = Field(default=0, ge=0, le=86_400)
    delivery_paused: bool = False
    message_retention_period: int = Field(default=DEFAULT_RETENTION_SECONDS, ge=60, le=1_209_600)


class _ChangedSettings(BaseModel):
    delivery_delay: int | None = Field(default=None, ge=0, le=86_400)
    delivery_paused: bool | None = None
    message_retention_period: int | None = Field(default=None, ge=60, le=1_209_600)


class _NewQueue(BaseModel):
    queue_name: str = Field(pattern=NAME)
    settings: _Settings = _Settings()


class _Purge(BaseModel):
    delete_messages_permanently: bool = False


class _ChangedQueue(BaseModel):
    queue_name: str | None = Field(default=None, pattern=NAME)
    settings: _ChangedSettings = _ChangedSettings()


class Queues:
    """The queues of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """/queues and /queues/{queue_id}."""
        return [
            Route("/queues", self._create, methods=["POST"]),
            Route("/queues", self._listing, methods=["GET"]),
            Route("/queues/{queue_id}", self._read, methods=["GET"]),
            Route("/queues/{queue_id}/metrics", self._metrics, methods=["GET"]),
            Route("/queues/{queue_id}/purge", self._purge, methods=["POST"]),
            Route("/queues/{queue_id}/purge", self._purge_status, methods=["GET"]),
            Route("/queues/{queue_id}", self._change, methods=["PUT", "PATCH"]),
            Route("/queues/{queue_id}", self._delete, methods=["DELETE"]),
        ]

    async def _create(self, request: Request) -> Response:
        wanted = await body_model(request, _NewQueue, code=11003)
        now = self._account.clock.timestamp()
        identifier = self._account.ids()
        settings = wanted.settings
        try:
            self._account.database.execute(
                "INSERT INTO queues VALUES (?, ?, ?, ?, ?, ?, ?)",
                identifier,
                wanted.queue_name,
                now,
                now,
                settings.delivery_delay,
                settings.delivery_paused,
                settings.message_retention_period,
            )
        except sqlite3.IntegrityError as error:
            raise _taken(wanted.queue_name) from error
        self._account.queues_changed()
        return success(_shown(self._account, find_queue(self._account, identifier)))

    async def _listing(self, request: Request) -> Response:
        query = ListQuery(request)
        names = query.texts("name")  # wrangler repeats it, once for each queue that it looks for
        rows = self._account.database.rows("SELECT * FROM queues")
        found = [row for row in rows if not names or row["queue_name"] in names]
        found = unsorted(found, lambda row: str(row["queue_name"]))
        shown, info = query.slice(found, per_page=_PER_PAGE)
        return success([_shown(self._account, row) for row in shown], info=info)

    async def _read(self, request: Request) -> Response:
        return success(
            _shown(self._account, find_queue(self._account, request.path_params["queue_id"]))
        )

    async def _metrics(self, request: Request) -> Response:
        row = find_queue(self._account, request.path_params["queue_id"])
        backlog = self._account.backlog(row["queue_id"])
        return success(
            {
                "backlog_bytes": backlog.bytes,
                "backlog_count": backlog.count,
                "oldest_message_timestamp_ms": backlog.oldest_ms or 0,
            }
        )

    async def _purge(self, request: Request) -> Response:
        row = find_queue(self._account, request.path_params["queue_id"])
        wanted = await body_model(request, _Purge, code=10026)
        if not wanted.delete_messages_permanently:
            raise ApiError(400, 10026, "delete_messages_permanently must be true.")
        self._account.queue_deleted(row["queue_id"])
        self._account.queues_changed()  # the consumer begins again, with an empty queue
        started_at = self._account.clock.timestamp()
        self._account.database.set_setting(f"purged:{row['queue_id']}", started_at)
        return success(_shown(self._account, row))

    async def _purge_status(self, request: Request) -> Response:
        """Tell of the last purge, which is done when it is answered."""
        row = find_queue(self._account, request.path_params["queue_id"])
        started_at = self._account.database.setting(f"purged:{row['queue_id']}")
        return success({"completed": str(started_at is not None).lower(), "started_at": started_at})

    async def _change(self, request: Request) -> Response:
        row = find_queue(self._account, request.path_params["queue_id"])
        wanted = await body_model(request, _ChangedQueue, code=11003)
        # PUT overwrites the settings as a whole, PATCH changes those that are given.
        before = _Settings().model_dump() if request.method == "PUT" else dict(row)
        new = {**before, **wanted.settings.model_dump(exclude_none=True)}
        name = wanted.queue_name or row["queue_name"]
        try:
            with self._account.database.transaction():
                self._account.database.execute(
                    "UPDATE queues SET queue_name = ?, modified_on = ?, delivery_delay = ?, "
                    "delivery_paused = ?, message_retention_period = ? WHERE queue_id = ?",
                    name,
                    self._account.clock.timestamp(),
                    new["delivery_delay"],
                    new["delivery_paused"],
                    new["message_retention_period"],
                    row["queue_id"],
                )
                self._account.database.execute(
                    "UPDATE queue_consumers SET dead_letter_queue = ? WHERE dead_letter_queue = ?",
                    name,
                    row["queue_name"],
                )
        except sqlite3.IntegrityError as error:
            raise _taken(name) from error
        self._account.queues_changed()
        return success(_shown(self._account, find_queue(self._account, row["queue_id"])))

    async def _delete(self, request: Request) -> Response:
        row = find_queue(self._account, request.path_params["queue_id"])
        if consumers := consumers_of(self._account, row):
            raise ApiError(
                400,
                11005,
                f"Cannot delete queue {row['queue_name']!r}: the Worker "
                f"{consumers[0]['script_name']!r} consumes it. Remove the consumer first.",
            )
        if scripts := queue_scripts(self._account.database, row["queue_id"]):
            raise ApiError(
                400,
                11005,
                f"Cannot delete queue {row['queue_name']!r}: it is still referenced by a binding "
                f"in {', '.join(scripts)}. Remove the binding or the Worker first.",
            )
        if source := self._account.database.value(
            "SELECT q.queue_name FROM queue_consumers c JOIN queues q USING (queue_id) "
            "WHERE c.dead_letter_queue = ?",
            row["queue_name"],
        ):
            raise ApiError(
                400,
                11005,
                f"Cannot delete queue {row['queue_name']!r}: it is the dead letter queue of "
                f"{source!r}. Remove that consumer first.",
            )
        self._account.queue_deleted(row["queue_id"])
        self._account.database.execute("DELETE FROM queues WHERE queue_id = ?", row["queue_id"])
        self._account.queues_changed()
        return success(None)


def _shown(account: Account, row: Row) -> dict[str, Any]:
    producers = [
        {"type": "worker", "script": script}
        for script in queue_scripts(account.database, row["queue_id"])
    ]
    consumers = consumers_of(account, row)
    return {
        "queue_id": row["queue_id"],
        "queue_name": row["queue_name"],
        "created_on": row["created_on"],
        "modified_on": row["modified_on"],
        "producers": producers,
        "producers_total_count": len(producers),
        "consumers": consumers,
        "consumers_total_count": len(consumers),
        "settings": {
            "delivery_delay": row["delivery_delay"],
            "message_retention_period": row["message_retention_period"],
            "delivery_paused": bool(row["delivery_paused"]),
        },
    }


def _taken(name: str) -> ApiError:
    return ApiError(409, 11009, f"Queue name {name!r} is already taken.")


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Queues(account).routes()
