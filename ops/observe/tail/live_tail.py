"""A Worker's lines as they are written."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    NegotiationError,
    WebSocketException,
)
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from ops.observe.tail.log_line import LogLine, lines_of_trace
from ops.stacks.account import StackAccount
from ops.stacks.bounded_json import parse_bounded
from ops.stacks.errors import OperationError, ServiceError

PROTOCOL = Subprotocol("trace-v1")
"""The subprotocol of Cloudflare's tails."""

_PING_SECONDS = 10.0
"""Pause between two pings, and how long an answer may take: wrangler uses the same pause."""

_CONNECT_SECONDS = 20.0
_CLOSE_SECONDS = 2.0
_MAX_TRACE_BYTES = 16 * 1024 * 1024
_NORMAL = 1000

_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try, as wrangler has them; a connection that stood starts anew."""

_RENEW_SECONDS = 60.0
"""How long before a tail's end the next one is opened: at its end lines just stop."""

_LOOK_SECONDS = 1.0


class ConnectionEnded(Exception):
    """There is no connection, or no more; `clean` where the other end closed it as agreed."""

    def __init__(self, text: str, *, clean: bool = False) -> None:
        super().__init__(text)
        self.clean = clean


@dataclass(frozen=True)
class LiveTail:
    """Follows one Worker by Cloudflare's own tail.

    Attributes:
        account: where the Worker is.
        worker: its name.
        on_notice: told what a watcher should know: connected, connecting again.
    """

    account: StackAccount
    worker: str
    on_notice: Callable[[str], None]

    def lines(self) -> Generator[LogLine | None, None, None]:
        """Yield lines without an end, and ``None`` about once a second in between.

        Closing the iterator ends the tail at Cloudflare as well.

        Raises:
            OperationError: the API refused to open the first tail.
            ServiceError: the connection can't be had, or not again.
        """
        failures, connected = 0, False
        while True:
            try:
                for line in self._until_renewal():
                    failures, connected = 0, True
                    yield line
                continue
            except ConnectionEnded as ended:
                if ended.clean:
                    self.on_notice("Cloudflare ended the tail.")
                    return
                why = str(ended)
            except OperationError as error:
                if not connected:
                    raise  # Nothing is to be had back: the token or the name is wrong.
                why = str(error).partition(". ")[0]
            if failures == len(_PAUSES):
                raise ServiceError(
                    f"The live tail of {self.worker} isn't available: {why}. "
                    "Try again; 'notifyctl diagnose' says whether the service is up."
                )
            self.on_notice(f"The tail broke off ({why}); connecting again.")
            time.sleep(_PAUSES[failures])
            failures += 1

    def _until_renewal(self) -> Generator[LogLine | None, None, None]:
        what = f"open a tail of {self.worker}"
        opened: Any = self.account.ask(
            what,
            lambda client: client.workers.scripts.tail.create(
                self.worker, account_id=self.account.account_id
            ),
        )
        with self.account.understood(what):
            identifier, url, expires_at = opened.id, opened.url, opened.expires_at
            if not (isinstance(identifier, str) and isinstance(url, str)):
                raise ValueError("a tail has an id and an address")
        ends = time.monotonic() + _seconds_until(expires_at) - _RENEW_SECONDS
        try:
            with self._connected(url) as connection:
                _send(connection, json.dumps({"debug": False}))
                self.on_notice(f"Watching {self.worker}; Ctrl-C ends it.")
                while time.monotonic() < ends:
                    trace = _received(connection)
                    if trace is None:
                        yield None
                    else:
                        yield from _lines(trace)
        finally:
            # It would end by itself; until then it counts against the Worker's few.
            with suppress(OperationError):
                self.account.ask(
                    "end the tail",
                    lambda client: client.workers.scripts.tail.delete(
                        identifier, account_id=self.account.account_id, script_name=self.worker
                    ),
                )

    def _connected(self, url: str) -> ClientConnection:
        host = urlsplit(url).netloc
        try:
            connection = connect(
                url,
                # Neither a proxy nor a redirect may lead a local stack's call off this machine:
                # with a socket of its own the client follows none.
                sock=_socket(url) if self.account.is_local else None,
                subprotocols=[PROTOCOL],
                user_agent_header="notifyctl",
                open_timeout=_CONNECT_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                max_size=_MAX_TRACE_BYTES,
                legacy=True,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise ConnectionEnded(
                f"the server answered {status} and opened no connection"
            ) from None
        except NegotiationError:
            raise ConnectionEnded(f"the server doesn't speak {PROTOCOL}") from None
        except InvalidHandshake as error:
            raise ConnectionEnded(f"the server gave no answer to the handshake: {error}") from None
        except (OSError, WebSocketException, ValueError) as error:
            raise ConnectionEnded(f"{host} can't be reached: {error}") from None
        if connection.subprotocol != PROTOCOL:
            connection.close()
            raise ConnectionEnded(f"the server doesn't speak {PROTOCOL}")
        return connection


def _socket(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=_CONNECT_SECONDS)


def _send(connection: ClientConnection, text: str) -> None:
    try:
        connection.send(text)
    except ConnectionClosed as error:
        raise _ended(error) from None


def _received(connection: ClientConnection) -> str | None:
    """Return the next trace, or ``None`` where none came in a while. Raises ConnectionEnded."""
    try:
        # Cloudflare sends its traces as text or as binary.
        return connection.recv(_LOOK_SECONDS, decode=False).decode("utf-8", "replace")
    except TimeoutError:
        return None
    except ConnectionClosed as error:
        raise _ended(error) from None


def _ended(error: ConnectionClosed) -> ConnectionEnded:
    if error.rcvd is not None:
        code = error.rcvd.code
        return ConnectionEnded(f"the server closed with {code}", clean=code == _NORMAL)
    if error.sent is not None:
        # The client itself ended it: no pong came, or a frame broke the protocol.
        return ConnectionEnded(f"the connection broke: {error.sent.reason or error.sent.code}")
    return ConnectionEnded("the connection was cut")


def _lines(text: str) -> Iterator[LogLine]:
    try:
        trace = parse_bounded(text)
    except ValueError:
        return
    if isinstance(trace, dict):
        yield from lines_of_trace(trace)


def _seconds_until(moment: object) -> float:
    try:
        at = datetime.fromisoformat(str(moment).replace("Z", "+00:00"))
    except ValueError:
        return 3600.0
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    # A moment in the past would open tail after tail; this tries the same at a bearable pace.
    return max((at - datetime.now(UTC)).total_seconds(), 2 * _RENEW_SECONDS)
