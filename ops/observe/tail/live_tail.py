"""A Worker's lines as they are written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.observe.tail.log_line import LogLine, lines_of_trace
from ops.observe.tail.websocket import ConnectionEnded, WebSocket
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, ServiceError

PROTOCOL = "trace-v1"
"""The subprotocol of Cloudflare's tails."""

_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try, as wrangler has them; a connection that stood starts anew."""

_RENEW_SECONDS = 60.0
"""How long before a tail's end the next one is opened: at its end lines just stop."""

_LOOK_SECONDS = 1.0


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
                    f"The live tail of {self.worker} can't be had: {why}. "
                    "Try again; 'notifyctl diagnose' says whether the service is there."
                )
            self.on_notice(f"The tail broke off ({why}); connecting again.")
            time.sleep(_PAUSES[failures])
            failures += 1

    def _until_renewal(self) -> Generator[LogLine | None, None, None]:
        opened: Any = self.account.ask(
            f"open a tail of {self.worker}",
            lambda client: client.workers.scripts.tail.create(
                self.worker, account_id=self.account.account_id
            ),
        )
        ends = time.monotonic() + _seconds_until(opened.expires_at) - _RENEW_SECONDS
        try:
            with WebSocket(opened.url, protocol=PROTOCOL) as socket:
                socket.send(json.dumps({"debug": False}))
                self.on_notice(f"Watching {self.worker}; Ctrl-C ends it.")
                while time.monotonic() < ends:
                    text = socket.receive(_LOOK_SECONDS)
                    if text is None:
                        yield None
                    else:
                        yield from _lines(text)
        finally:
            # It would end by itself; until then it counts against the Worker's few.
            with suppress(OperationError):
                self.account.ask(
                    "end the tail",
                    lambda client: client.workers.scripts.tail.delete(
                        opened.id, account_id=self.account.account_id, script_name=self.worker
                    ),
                )


def _lines(text: str) -> Iterator[LogLine]:
    try:
        trace = json.loads(text)
    except ValueError:
        return
    if isinstance(trace, dict):
        yield from lines_of_trace(trace)


def _seconds_until(moment: object) -> float:
    try:
        at = datetime.fromisoformat(str(moment).replace("Z", "+00:00"))
    except ValueError:
        return 3600.0
    # A moment in the past would open tail after tail; this tries the same at a bearable pace.
    return max((at - datetime.now(UTC)).total_seconds(), 2 * _RENEW_SECONDS)
