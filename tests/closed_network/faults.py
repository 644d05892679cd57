"""Faults that a test orders from the proxy in front of the closed network's services."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from starlette.requests import Request

REFUSED = json.dumps(
    {"success": False, "errors": [{"code": 10001, "message": "Refused on purpose"}], "result": None}
)
ASKING = " {}"
"""Its body is empty, so that nothing is made (``AccountApi.require_writing``)."""
_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Fault:
    """What happens to some calls.

    Attributes:
        call: a regular expression for METHOD and path, such as ``POST .*/queues``. A call that
            only asks whether the token may make such calls ends in ``ASKING``.
        status: answered in the service's place; 0 lets the service do its work, and holds its
            answer back until the test goes on.
        times: how many calls it is for; the others pass.
        skip: how many of those that match pass before it.
        body: the answer's.
        content_type: the body's.
        late: whether the service does its work first, so that only its answer is lost.
    """

    call: str
    status: int = 0
    times: int = 1
    skip: int = 0
    body: str = REFUSED
    content_type: str = "application/json"
    late: bool = False


def door(folder: Path) -> Path:
    """Return the socket by which a test outside of the network calls the services in there."""
    return folder / "door"


class Faults:
    """The orders, one at a time, in files that both the test and the proxy see.

    Args:
        folder: the closed network's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._order = folder / "fault.json"
        self._held = folder / "held"
        self._hit = folder / "hit"
        self._calls = folder / "calls.log"

    def order(self, fault: Fault) -> None:
        """Let the proxy make this fault, and no other."""
        self._held.unlink(missing_ok=True)
        self._hit.unlink(missing_ok=True)
        self._write(fault)

    def _write(self, fault: Fault) -> None:
        draft = self._order.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(fault)))
        draft.rename(self._order)

    def clear(self) -> None:
        """Let every call pass, those that are held among them."""
        self._order.unlink(missing_ok=True)
        self._held.unlink(missing_ok=True)

    @property
    def came(self) -> bool:
        """Whether a call came that the newest order was for."""
        return self._hit.exists()

    def calls(self) -> list[str]:
        """Return the calls so far that aren't GETs, as METHOD and path, and forget them.

        Those that only ask end in ``ASKING``.
        """
        if not self._calls.exists():
            return []
        found = self._calls.read_text().splitlines()
        self._calls.unlink()
        return found

    def changes(self) -> list[str]:
        """Return as `calls` does those that could change something, and forget all of them."""
        return [call for call in self.calls() if not call.endswith(ASKING)]

    def await_held(self, limit: float, ended: Callable[[], bool] = lambda: False) -> bool:
        """Wait until an answer is held back; return whether one is.

        Args:
            limit: seconds, after which a TimeoutError is raised.
            ended: whether whoever could make the call has ended.
        """
        deadline = time.monotonic() + limit
        while not self._held.exists():
            if ended():
                return False
            if time.monotonic() > deadline:
                raise TimeoutError("no call of that kind came")
            time.sleep(_TICK_SECONDS)
        return True

    def of(self, request: Request, body: bytes) -> Fault | None:
        """Return the fault for a call, and count it; the proxy's side."""
        call = f"{request.method} {request.url.path}{ASKING if body == b'{}' else ''}"
        if request.method != "GET" and request.url.hostname == "api.cloudflare.com":
            with self._calls.open("a") as log:
                log.write(f"{call}\n")
        try:
            fault = Fault(**json.loads(self._order.read_text()))
        except FileNotFoundError:
            return None
        if re.fullmatch(fault.call, call) is None:
            return None
        if fault.skip:
            self._write(replace(fault, skip=fault.skip - 1))
            return None
        self._hit.touch()
        if fault.status:
            left = fault.times - 1
            if left:
                self._write(replace(fault, times=left))
            else:
                self._order.unlink(missing_ok=True)
        return fault

    async def hold(self) -> None:
        """Wait until the test clears its order; the proxy's side."""
        self._held.touch()
        while self._order.exists():  # noqa: ASYNC110 - the test is another process
            await asyncio.sleep(_TICK_SECONDS)
