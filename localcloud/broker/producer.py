"""Where the queue bindings of running versions post their messages.

The two paths, `/message` and `/batch`, and their headers are those that workerd sends (its source:
src/workerd/api/queue.c++). The queue's id comes in a header that the host injects.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from localcloud.broker.broker import Body, Broker, UnknownQueue
from localcloud.broker.message_store import Backlog
from localcloud.errors import is_disk_full

# Cloudflare's limits: bytes of a message and of a batch, messages of a batch, seconds of a delay.
MAX_MESSAGE_BYTES = 128_000
MAX_BATCH_BYTES = 256_000
MAX_BATCH = 100
MAX_DELAY_S = 86_400
FORMATS = {"json", "text", "bytes", "v8"}

log = logging.getLogger("localcloud.broker")


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Producer:
    """An ASGI application. Sends are committed one after the other on a thread of their own."""

    def __init__(self, broker: Broker, token: str) -> None:
        self._broker = broker
        self._token = token
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broker")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            self._check_token(request.headers)
            queue_id = request.headers.get("x-queue-id", "")
            body = await _read(request)
            if request.method != "POST":
                raise _Refused(405, "Only POST is known here.")
            if request.scope["path"] == "/message":
                bodies = [_one(request.headers, body)]
            elif request.scope["path"] == "/batch":
                bodies = _many(request.headers, body)
            else:
                raise _Refused(404, "The broker knows /message and /batch.")
            loop = asyncio.get_running_loop()
            backlog = await loop.run_in_executor(self._writer, self._broker.send, queue_id, bodies)
        except _Refused as error:
            log.warning("a send was refused: %s", error)
            return JSONResponse({"error": str(error)}, status_code=error.status)
        except UnknownQueue:
            return JSONResponse({"error": "There is no such queue."}, status_code=404)
        except sqlite3.OperationalError as error:
            reason = (
                "the disk is full" if is_disk_full(error) else "the queue's file can't be written"
            )
            return JSONResponse({"error": f"Nothing was sent: {reason}."}, status_code=507)
        self._broker.wake(queue_id)
        return JSONResponse({"metadata": {"metrics": _metrics(backlog)}})

    def close(self) -> None:
        """Let the last commit end."""
        self._writer.shutdown()

    def _check_token(self, headers: Headers) -> None:
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise _Refused(401, "The broker's token is missing or wrong.")


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > 4 * MAX_BATCH_BYTES:  # base64 and JSON around the messages
            raise _Refused(413, "The batch is too large.")
    return bytes(body)


def _one(headers: Headers, body: bytes) -> Body:
    return _checked(headers.get("x-msg-fmt", "v8"), body, _delay(headers.get("x-msg-delay-secs")))


def _many(headers: Headers, body: bytes) -> list[Body]:
    default = _delay(headers.get("x-msg-delay-secs"))
    try:
        entries: list[dict[str, Any]] = json.loads(body)["messages"]
        bodies = [
            _checked(
                entry.get("contentType", "v8"),
                base64.b64decode(entry["body"], validate=True),
                default if entry.get("delaySecs") is None else _delay(entry["delaySecs"]),
            )
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise _Refused(400, "The batch can't be parsed.") from error
    if not 1 <= len(bodies) <= MAX_BATCH:
        raise _Refused(400, f"A batch has 1 to {MAX_BATCH} messages.")
    if sum(len(entry.body) for entry in bodies) > MAX_BATCH_BYTES:
        raise _Refused(413, f"A batch has at most {MAX_BATCH_BYTES} bytes.")
    return bodies


def _checked(content_type: str, body: bytes, delay_s: int | None) -> Body:
    if content_type not in FORMATS:
        raise _Refused(400, "The message's format isn't json, text, bytes or v8.")
    if len(body) > MAX_MESSAGE_BYTES:
        raise _Refused(413, f"A message has at most {MAX_MESSAGE_BYTES} bytes.")
    return Body(content_type, body, delay_s)


def _delay(given: Any) -> int | None:
    if given is None or given == "":
        return None
    text = str(given)
    if not (text.isdecimal() and len(text) <= 9) or int(text) > MAX_DELAY_S:
        raise _Refused(400, f"A delay is a whole number of seconds from 0 to {MAX_DELAY_S}.")
    return int(text)


def _metrics(backlog: Backlog) -> dict[str, Any]:
    found: dict[str, Any] = {"backlogCount": backlog.count, "backlogBytes": backlog.bytes}
    if backlog.oldest_ms is not None:
        found["oldestMessageTimestamp"] = backlog.oldest_ms
    return found
