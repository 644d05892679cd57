"""Consumers of queues: which Worker gets the messages, and how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.database import Row

# Codes: 10007 no such Worker, 10026 malformed body, 11000 no such queue, 11004 consumer exists,
# 11007 no such consumer.
_MALFORMED = 10026
_PATH = "/queues/{queue_id}/consumers"


class _Settings(BaseModel):
    """Cloudflare's limits and defaults; delays in the units that their names say."""

    batch_size: int = Field(default=10, ge=1, le=100)
    max_concurrency: int | None = Field(default=None, ge=1, le=250)
    max_retries: int = Field(default=3, ge=0, le=100)
    max_wait_time_ms: int = Field(default=5000, ge=0, le=60_000)
    retry_delay: int = Field(default=0, ge=0, le=86_400)


class _Consumer(BaseModel):
    type: Literal["worker"]
    script_name: str = Field(min_length=1)
    dead_letter_queue: str | None = None
    settings: _Settings = _Settings()


class QueueConsumers:
    """The consumers of an account's queues."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """/queues/{queue_id}/consumers and below."""
        return [
            Route(_PATH, self._create, methods=["POST"]),
            Route(_PATH, self._listing, methods=["GET"]),
            Route(_PATH + "/{consumer_id}", self._read, methods=["GET"]),
            Route(_PATH + "/{consumer_id}", self._change, methods=["PUT"]),
            Route(_PATH + "/{consumer_id}", self._delete, methods=["DELETE"]),
        ]

    def _queue(self, request: Request) -> Row:
        return find_queue(self._account, request.path_params["queue_id"])

    def _find(self, request: Request) -> dict[str, Any]:
        for consumer in consumers_of(self._account, self._queue(request)):
            if consumer["consumer_id"] == request.path_params["consumer_id"]:
                return consumer
        raise ApiError(404, 11007, "The queue has no such consumer.")

    async def _wanted_consumer(self, request: Request, target: Row) -> _Consumer:
        wanted = await body_model(request, _Consumer, code=_MALFORMED)
        if not self._account.database.value(
            "SELECT 1 FROM workers WHERE name = ?", wanted.script_name
        ):
            raise ApiError(404, 10007, "This Worker does not exist on your account.")
        letters = wanted.dead_letter_queue
        if letters is not None:
            if letters == target["queue_name"]:
                raise ApiError(400, _MALFORMED, "A queue can't be its own dead letter queue.")
            if not self._account.database.value(
                "SELECT 1 FROM queues WHERE queue_name = ?", letters
            ):
                raise ApiError(400, 11000, f"Dead letter queue {letters!r} does not exist.")
        return wanted

    async def _create(self, request: Request) -> Response:
        target = self._queue(request)
        wanted = await self._wanted_consumer(request, target)
        if consumers_of(self._account, target):
            raise ApiError(400, 11004, f"Queue {target['queue_name']!r} already has a consumer.")
        self._account.database.execute(
            "INSERT INTO queue_consumers VALUES (?, ?, ?, ?, ?, ?)",
            self._account.ids(),
            target["queue_id"],
            wanted.script_name,
            wanted.dead_letter_queue,
            self._account.clock.timestamp(),
            wanted.settings.model_dump_json(),
        )
        self._account.queues_changed()
        return success(consumers_of(self._account, target)[0])

    async def _listing(self, request: Request) -> Response:
        return ListQuery(request).page(consumers_of(self._account, self._queue(request)))

    async def _read(self, request: Request) -> Response:
        return success(self._find(request))

    async def _change(self, request: Request) -> Response:
        target = self._queue(request)
        identifier = self._find(request)["consumer_id"]
        wanted = await self._wanted_consumer(request, target)
        self._account.database.execute(
            "UPDATE queue_consumers SET script_name = ?, dead_letter_queue = ?, settings = ? "
            "WHERE consumer_id = ?",
            wanted.script_name,
            wanted.dead_letter_queue,
            wanted.settings.model_dump_json(),
            identifier,
        )
        self._account.queues_changed()
        return success(self._find(request))

    async def _delete(self, request: Request) -> Response:
        identifier = self._find(request)["consumer_id"]
        self._account.database.execute(
            "DELETE FROM queue_consumers WHERE consumer_id = ?", identifier
        )
        self._account.queues_changed()
        return success(None)


def find_queue(account: Account, queue_id: str) -> Row:
    """The row of a queue. Raises ApiError(404, 11000)."""
    row = account.database.row("SELECT * FROM queues WHERE queue_id = ?", queue_id)
    if row is None:
        raise ApiError(404, 11000, f"Queue {queue_id} does not exist.")
    return row


def consumers_of(account: Account, queue: Row) -> list[dict[str, Any]]:
    """The consumers of a queue (at most one) in the shape of the API."""
    rows = account.database.rows(
        "SELECT * FROM queue_consumers WHERE queue_id = ?", queue["queue_id"]
    )
    return [_shown(row, queue["queue_name"]) for row in rows]


def _shown(row: Row, queue_name: str) -> dict[str, Any]:
    settings = json.loads(row["settings"])
    if settings["max_concurrency"] is None:
        del settings["max_concurrency"]  # null means automatic, and Cloudflare leaves it out
    found = {
        "consumer_id": row["consumer_id"],
        "queue_id": row["queue_id"],
        "queue_name": queue_name,
        "type": "worker",
        "script": row["script_name"],
        "script_name": row["script_name"],
        "created_on": row["created_on"],
        "settings": settings,
    }
    if row["dead_letter_queue"]:
        found["dead_letter_queue"] = row["dead_letter_queue"]
    return found


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return QueueConsumers(account).routes()
