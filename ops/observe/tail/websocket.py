"""The client's end of a WebSocket: texts that come, and a sign of life now and then."""

from __future__ import annotations

import base64
import secrets
import socket
import ssl
import time
from http.client import HTTPException, parse_headers
from io import BytesIO
from urllib.parse import urlsplit

from localcloud.websocket.frames import (
    FrameReader,
    FramingError,
    Opcode,
    accept_value,
    close_frame,
    encode,
)

PING_SECONDS = 10.0
"""Pause between two pings, which wrangler uses as well; one that isn't answered before the next
one is due means that the connection is dead."""

_CONNECT_SECONDS = 20.0
_MOST_HEAD_BYTES = 16 * 1024
_NORMAL = 1000


class ConnectionEnded(Exception):
    """There is no connection, or no more; `clean` where the other end closed it as agreed."""

    def __init__(self, text: str, *, clean: bool = False) -> None:
        super().__init__(text)
        self.clean = clean


class WebSocket:
    """One connection. Use it as a context manager.

    Args:
        url: ``ws://`` or ``wss://``.
        protocol: the subprotocol, which the server has to agree to.

    Raises:
        ConnectionEnded: the server can't be reached, or refuses.
    """

    def __init__(self, url: str, *, protocol: str) -> None:
        self._reader = FrameReader(masked=False)
        self._pending: list[str] = []
        self._closed_with: int | None = None
        self._heard = self._pinged = time.monotonic()
        try:
            self._socket = _connected(url)
            try:
                self._shake_hands(url, protocol)
            except BaseException:
                self._socket.close()
                raise
        except (OSError, HTTPException) as error:
            raise ConnectionEnded(f"{urlsplit(url).netloc} can't be reached: {error}") from None

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, text: str) -> None:
        """Send a text. Raises ConnectionEnded."""
        self._write(encode(Opcode.TEXT, text.encode(), masked=True))

    def receive(self, timeout: float) -> str | None:
        """Return the next text, or ``None`` where none came within ``timeout`` seconds.

        Raises:
            ConnectionEnded: it was closed, is dead, or speaks no WebSocket.
        """
        deadline = time.monotonic() + timeout
        while not self._pending:
            if self._closed_with is not None:
                code = self._closed_with
                raise ConnectionEnded(f"the server closed with {code}", clean=code == _NORMAL)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._keep_alive()
            self._socket.settimeout(min(left, PING_SECONDS))
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                continue
            except OSError as error:
                raise ConnectionEnded(f"the connection broke: {error}") from None
            if not data:
                raise ConnectionEnded("the connection was cut")
            self._take(data)
        return self._pending.pop(0)

    def close(self) -> None:
        """Say goodbye and close; nothing happens where it is closed already."""
        try:
            self._write(close_frame(_NORMAL, masked=True))
        except ConnectionEnded:
            pass
        finally:
            self._socket.close()

    def _take(self, data: bytes) -> None:
        self._heard = time.monotonic()
        try:
            messages = self._reader.feed(data)
        except FramingError as error:
            raise ConnectionEnded(f"the server broke the protocol: {error}") from None
        for message in messages:
            if message.opcode is Opcode.TEXT:
                self._pending.append(message.payload.decode("utf-8", "replace"))
            elif message.opcode is Opcode.BINARY:
                # Cloudflare sends its traces as either.
                self._pending.append(message.payload.decode("utf-8", "replace"))
            elif message.opcode is Opcode.PING:
                self._write(encode(Opcode.PONG, message.payload, masked=True))
            elif message.opcode is Opcode.CLOSE:
                # Texts that came with it are handed out first.
                self._closed_with = message.close_code

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._pinged < PING_SECONDS:
            return
        if self._heard < self._pinged:
            raise ConnectionEnded("the server doesn't answer any more")
        self._write(encode(Opcode.PING, b"", masked=True))
        self._pinged = now

    def _write(self, data: bytes) -> None:
        self._socket.settimeout(_CONNECT_SECONDS)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionEnded(f"the connection broke: {error}") from None

    def _shake_hands(self, url: str, protocol: str) -> None:
        parts = urlsplit(url)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        self._socket.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\nUser-Agent: notifyctl\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            data = self._socket.recv(4096)
            if not data or len(head) > _MOST_HEAD_BYTES:
                raise ConnectionEnded("the server gave no answer to the handshake")
            head += data
        head, _, rest = head.partition(b"\r\n\r\n")
        status, _, lines = head.partition(b"\r\n")
        headers = parse_headers(BytesIO(lines + b"\r\n\r\n"))
        code = status.split(b" ")[1:2]
        if code != [b"101"]:
            told = code[0].decode("latin-1") if code else "nothing"
            raise ConnectionEnded(f"the server answered {told} and opened no connection")
        if headers.get("Sec-WebSocket-Accept") != accept_value(key):
            raise ConnectionEnded("the server answered another handshake")
        if headers.get("Sec-WebSocket-Protocol", "") != protocol:
            raise ConnectionEnded(f"the server doesn't speak {protocol}")
        if rest:
            self._take(rest)


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    plain = socket.create_connection((host, port), timeout=_CONNECT_SECONDS)
    if not secure:
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
