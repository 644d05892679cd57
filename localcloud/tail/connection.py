"""A tail's connection: the WebSocket that a watcher holds open."""

from __future__ import annotations

import asyncio
from typing import Any

from localcloud.loopback_guard import is_loopback_name
from localcloud.tail.tails import Tail, Tails
from localcloud.websocket.frames import (
    FrameReader,
    FramingError,
    Opcode,
    accept_value,
    close_frame,
    encode,
)

PROTOCOL = "trace-v1"
PATH = "/local/tails/"
_MOST_BEHIND_BYTES = 4 * 1024 * 1024
_GOING_AWAY, _TOO_SLOW, _NORMAL = 1001, 1013, 1000


class TailConnection(asyncio.Protocol):
    """What uvicorn hands an upgraded connection to, the request's head first.

    The server has no WebSocket library; a tail needs little of one: it sends texts, answers pings,
    and reads a client's only message, `{"debug": …}`, without using it.
    """

    def __init__(self, tails: Tails, *, server_state: Any, **_: Any) -> None:
        self._tails = tails
        self._connections: set[Any] = server_state.connections
        self._reader = FrameReader(masked=True, most_bytes=64 * 1024)
        self._transport: asyncio.Transport
        self._tail: Tail | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  narrowing: uvicorn's is TCP
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Send it nothing more."""
        self._connections.discard(self)
        if self._tail is not None:
            self._tail.listeners.discard(self._send)

    def shutdown(self) -> None:
        """End with the server."""
        self._close(_GOING_AWAY)

    def data_received(self, data: bytes) -> None:
        """The head, then frames."""
        if self._tail is None:
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if end:
                self._open(head.decode("latin-1"))
                if rest and self._tail is not None:
                    self.data_received(rest)
            return
        try:
            for message in self._reader.feed(data):
                if message.opcode is Opcode.PING:
                    self._transport.write(encode(Opcode.PONG, message.payload, masked=False))
                elif message.opcode is Opcode.CLOSE:
                    self._close(_NORMAL)
        except FramingError as error:
            self._close(error.code)

    def _open(self, head: str) -> None:
        request, *lines = head.split("\r\n")
        target = request.split(" ")[1]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        protocols = {part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")}
        tail = self._tails.find(target.removeprefix(PATH)) if target.startswith(PATH) else None
        # A page in a browser says where it is from; no page has business here.
        if not is_loopback_name(headers.get("host", "")) or "origin" in headers:
            self._refuse("403 Forbidden")
        elif tail is None:
            self._refuse("404 Not Found")
        elif PROTOCOL not in protocols or headers.get("sec-websocket-version") != "13":
            self._refuse("400 Bad Request")
        else:
            accept = accept_value(headers.get("sec-websocket-key", ""))
            self._transport.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n"
                f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n".encode()
            )
            self._tail = tail
            tail.listeners.add(self._send)

    def _send(self, text: str) -> None:
        if self._transport.get_write_buffer_size() > _MOST_BEHIND_BYTES:
            self._close(_TOO_SLOW)
        else:
            self._transport.write(encode(Opcode.TEXT, text.encode(), masked=False))

    def _refuse(self, status: str) -> None:
        self._transport.write(
            f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        self._transport.close()

    def _close(self, code: int) -> None:
        if not self._transport.is_closing():
            self._transport.write(close_frame(code, masked=False))
            self._transport.close()
