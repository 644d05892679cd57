"""How many attempts at once the retry queue makes at one endpoint."""

from dataclasses import dataclass, field

Endpoint = tuple[str, str]
"""A recipient and a channel."""

QUICK_MS = 1_000
"""An endpoint that answers within this time holds nobody up."""
MOST_WHILE_QUICK = 10
MOST_OTHERWISE = 4
"""Attempts at once, and all in one batch, where nothing is known or the last one was slow."""
LONGEST_REST_MS = 20_000
"""Below the shortest wait for a second retry (27 s), so that a notification that is alone with its
endpoint keeps its schedule."""
_FULL_MS = 1_000
_SLOW_MS = 5_000
_LOST_MS = 60_000
"""An attempt whose end was not heard of for so long, a lease, ended with its invocation."""
_MOST_KNOWN = 1_000


@dataclass(slots=True)
class _Pace:
    running: list[int] = field(default_factory=list)
    quick: bool = False
    rest_until_ms: int = 0

    def drop_lost(self, now_ms: int) -> None:
        self.running = [start for start in self.running if now_ms - start < _LOST_MS]

    def matters(self, now_ms: int) -> bool:
        self.drop_lost(now_ms)
        return bool(self.running) or self.rest_until_ms > now_ms


class EndpointPaces:
    """What one isolate knows of the endpoints that it tried again lately.

    A batch of the queue lasts as long as its slowest attempt, and only so many batches run at
    once: without a limit, the many retries of one endpoint that is slow or dead would hold them
    all. Beyond the limit, and for as long as the last attempt took, its retries are put off; that
    costs the queue milliseconds. Nothing depends on what an isolate forgets.
    """

    def __init__(self) -> None:
        self._paces: dict[Endpoint, _Pace] = {}

    def begin(self, endpoint: Endpoint, now_ms: int) -> int:
        """0 where an attempt may begin, which counts from now on; else for how many ms to put it
        off."""
        pace = self._paces.get(endpoint)
        if pace is None:
            self._make_room(now_ms)
            pace = self._paces[endpoint] = _Pace()
        rest = pace.rest_until_ms - now_ms
        if rest > 0:
            return min(rest, LONGEST_REST_MS)
        pace.drop_lost(now_ms)
        if any(now_ms - start > QUICK_MS for start in pace.running):
            return _SLOW_MS
        most = MOST_WHILE_QUICK if pace.quick else MOST_OTHERWISE
        elsewhere = not pace.quick and any(start != now_ms for start in pace.running)
        if elsewhere or len(pace.running) >= most:
            return _FULL_MS
        pace.running.append(now_ms)
        return 0

    def abandon(self, endpoint: Endpoint, started_ms: int) -> None:
        """The attempt that began at `started_ms` was not made after all."""
        pace = self._paces.get(endpoint)
        if pace is not None and started_ms in pace.running:
            pace.running.remove(started_ms)

    def end(self, endpoint: Endpoint, started_ms: int, now_ms: int) -> None:
        """The attempt that began at `started_ms` has ended, whatever came of it."""
        self.abandon(endpoint, started_ms)
        pace = self._paces.get(endpoint)
        if pace is not None:
            took = now_ms - started_ms
            pace.quick = took <= QUICK_MS
            pace.rest_until_ms = 0 if pace.quick else now_ms + min(took, LONGEST_REST_MS)

    def _make_room(self, now_ms: int) -> None:
        """Forget the idle ones, and where that isn't enough the oldest."""
        if len(self._paces) < _MOST_KNOWN:
            return
        self._paces = {
            endpoint: pace for endpoint, pace in self._paces.items() if pace.matters(now_ms)
        }
        while len(self._paces) >= _MOST_KNOWN:
            del self._paces[next(iter(self._paces))]
