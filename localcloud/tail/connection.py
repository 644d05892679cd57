"""A tail's connection: the WebSocket that a watcher holds open."""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from localcloud.tail.tails import Tails

PROTOCOL = "trace-v1"
PATH = "/local/tails/"
MAX_BEHIND_BYTES = 4 * 1024 * 1024
"""What is kept for a watcher that reads too slowly before its connection is closed."""

_TRY_AGAIN_LATER = 1013


def tail_route(tails: Tails) -> WebSocketRoute:
    """Return the route that a tail's URL leads to."""

    async def watch(socket: WebSocket) -> None:
        tail = tails.find(socket.path_params["id"])
        if "origin" in socket.headers:
            # A browser names the page that opens a connection; no page has business here.
            await _deny(socket, 403, "Pages can't watch a tail.")
        elif tail is None:
            await _deny(socket, 404, "There is no such tail: it has expired, or was deleted.")
        elif PROTOCOL not in socket.scope["subprotocols"]:
            await _deny(socket, 400, f"Ask for the subprotocol {PROTOCOL}.")
        else:
            await socket.accept(subprotocol=PROTOCOL)
            backlog = _Backlog()
            tail.listeners.add(backlog.add)
            sending = asyncio.create_task(backlog.send_to(socket))
            try:
                # A client has one message, `{"debug": …}`, which changes nothing here.
                while (await socket.receive())["type"] != "websocket.disconnect":
                    pass
            finally:
                tail.listeners.discard(backlog.add)
                sending.cancel()

    return WebSocketRoute(PATH + "{id}", watch)


async def _deny(socket: WebSocket, status: int, text: str) -> None:
    await socket.send_denial_response(PlainTextResponse(text + "\n", status))


class _Backlog:
    """The texts that a watcher hasn't taken yet."""

    def __init__(self) -> None:
        self._texts: deque[bytes] = deque()
        self._size = 0
        self._too_slow = False
        self._changed = asyncio.Event()

    def add(self, text: str) -> None:
        """Keep a text until it can be sent; once they are too many, keep none."""
        data = text.encode()
        self._size += len(data)
        self._too_slow = self._too_slow or self._size > MAX_BEHIND_BYTES
        if self._too_slow:
            self._texts.clear()
        else:
            self._texts.append(data)
        self._changed.set()

    async def send_to(self, socket: WebSocket) -> None:
        """Send what comes, in order, until the connection ends or the watcher is too slow."""
        try:
            while not self._too_slow:
                if self._texts:
                    data = self._texts.popleft()
                    await socket.send_text(data.decode())
                    self._size -= len(data)
                else:
                    self._changed.clear()
                    await self._changed.wait()
            await socket.close(_TRY_AGAIN_LATER, "The watcher reads too slowly.")
        except WebSocketDisconnect:
            pass  # the reading side sees it too, and ends
