"""How the API answers for what went wrong inside: an envelope, and nothing of the cause's text."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from localcloud.api.application import application
from localcloud.api.envelope import ApiError
from localcloud.api.resources import Account
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.errors import RuntimeDown, StartFailed
from localcloud.home import CloudHome
from localcloud.host_client import HostError
from localcloud.schema import CONTROL_PLANE

UNFORESEEN = "The local cloud failed at this request: see control-plane.log in its log folder."
STORAGE = "The local cloud's storage failed: see control-plane.log in its log folder."
FULL = "The disk that holds the local cloud's state is full: free some space and try again."


def has_default(part: Field[Any]) -> bool:
    return part.default is not MISSING or part.default_factory is not MISSING


def api(folder: Path, *routes: Route) -> ASGIApp:
    """Return the API with routes of a test, whose resources are never called."""
    database = Database(folder / "control.sqlite3", CONTROL_PLANE)
    parts = {part.name: None for part in fields(Account) if not has_default(part)}
    own = {"database": database, "clock": VirtualClock(database), "home": CloudHome(folder)}
    account = Account(**cast("Any", parts | own))
    return application(account, "token", routes)


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (ApiError(418, 10_123, "as it says"), 418, 10_123, "as it says"),
        (HTTPException(400, "no form"), 400, 10_026, "no form"),
        (HTTPException(403, "not here"), 403, 10_026, "not here"),
        (
            HTTPException(404),
            *(404, 7_003),
            "Could not route to /local/fails, perhaps your object identifier is invalid?",
        ),
        (HTTPException(405), 405, 10_405, "GET method not allowed for this path"),
        (HTTPException(413, "too large"), 413, 10_026, "too large"),
        (
            HostError(409, "busy", "it is busy"),
            *(502, 10_002, "The local runtime could not do it: it is busy"),
        ),
        (RuntimeDown("It is starting."), 503, 10_002, "It is starting."),
        (StartFailed("It ended."), 500, 10_002, "It ended."),
        (sqlite3.OperationalError("database or disk is full"), 507, 10_002, FULL),
        (OSError(errno.ENOSPC, "No space left on device"), 507, 10_002, FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 507, 10_002, FULL),
        (OSError(errno.EIO, "Input/output error"), 500, 10_002, STORAGE),
        (sqlite3.OperationalError("no such table: secrets"), 500, 10_002, STORAGE),
        (sqlite3.IntegrityError("disk is full"), 500, 10_002, STORAGE),
        (KeyError("secret"), 500, 10_002, UNFORESEEN),
    ],
)
def test_what_goes_wrong_inside_is_answered_in_the_envelope(
    tmp_path: Path, error: Exception, status: int, code: int, message: str
) -> None:
    async def fails(_: Request) -> Any:
        raise error

    app = api(tmp_path, Route("/local/fails", fails))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/local/fails")

    answer = asyncio.run(asked())
    assert answer.status_code == status
    assert answer.json() == {
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
        "result": None,
    }


def test_a_web_socket_on_the_apis_paths_is_closed_without_asking_for_a_token(
    tmp_path: Path,
) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/client/v4/accounts", "headers": [], "query_string": b""}

    async def connect() -> None:
        await api(tmp_path)(scope, receive, send)

    asyncio.run(connect())
    assert [message["type"] for message in sent] == ["websocket.close"]
