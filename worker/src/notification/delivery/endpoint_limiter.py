"""How many attempts the retry consumer makes at one endpoint at a time."""

from dataclasses import dataclass, field

from notification.channels.channel import Pace

QUICK_MS = 1_000
"""An endpoint that answers within this time delays nobody."""
MAX_WHILE_QUICK = 10
MAX_OTHERWISE = 4
"""Attempts at a time, all in one batch, if the endpoint is unknown or its last answer was slow."""
MAX_REST_MS = 20_000
"""Below the shortest wait for a second retry (27 s), so that a notification that is alone with its
endpoint keeps its schedule."""
_FULL_MS = 1_000
_SLOW_MS = 5_000
_LOST_MS = 60_000
"""The length of a lease: an attempt without an end for so long died with its invocation."""
_MAX_KNOWN = 1_000


@dataclass(slots=True)
class _EndpointState:
    running: list[int] = field(default_factory=list)
    quick: bool = False
    rest_until_ms: int = 0
    paced_until_ms: int = 0
    """When the next call would be on time, were there no burst."""

    def drop_lost(self, now_ms: int) -> None:
        self.running = [start for start in self.running if now_ms - start < _LOST_MS]

    def matters(self, now_ms: int) -> bool:
        self.drop_lost(now_ms)
        return bool(self.running) or max(self.rest_until_ms, self.paced_until_ms) > now_ms


class EndpointLimiter:
    """What one isolate knows of the endpoints that it has recently retried, by their ids.

    A batch of the queue lasts as long as its slowest attempt, and only a few batches run at a
    time. Without a limit, the many retries of one slow or dead endpoint would occupy them all.
    Retries beyond the limit are put off, and so are all retries for as long as the last attempt
    took; that costs the queue milliseconds. Nothing depends on what an isolate forgets.
    """

    def __init__(self) -> None:
        self._endpoints: dict[str, _EndpointState] = {}

    def acquire(self, endpoint: str, now_ms: int) -> int:
        """Count an attempt from now on and return 0, or return for how many ms to put it off."""
        state = self._state(endpoint, now_ms)
        rest = state.rest_until_ms - now_ms
        if rest > 0:
            return min(rest, MAX_REST_MS)
        state.drop_lost(now_ms)
        if any(now_ms - start > QUICK_MS for start in state.running):
            return _SLOW_MS
        limit = MAX_WHILE_QUICK if state.quick else MAX_OTHERWISE
        elsewhere = not state.quick and any(start != now_ms for start in state.running)
        if elsewhere or len(state.running) >= limit:
            return _FULL_MS
        state.running.append(now_ms)
        return 0

    def pace_wait_ms(self, endpoint: str, pace: Pace, now_ms: int) -> int:
        """Return after how many ms one more call of a paced endpoint may begin."""
        ahead = self._state(endpoint, now_ms).paced_until_ms - now_ms
        return max(ahead - (pace.burst - 1) * pace.interval_ms, 0)

    def take_pace(self, endpoint: str, pace: Pace, now_ms: int) -> None:
        """Count a call of a paced endpoint, made after what `pace_wait_ms` said."""
        state = self._state(endpoint, now_ms)
        state.paced_until_ms = max(state.paced_until_ms, now_ms) + pace.interval_ms

    def _state(self, endpoint: str, now_ms: int) -> _EndpointState:
        state = self._endpoints.get(endpoint)
        if state is None:
            self._make_room(now_ms)
            state = self._endpoints[endpoint] = _EndpointState()
        return state

    def cancel(self, endpoint: str, started_ms: int) -> None:
        """Uncount the attempt that was acquired at `started_ms` and not made."""
        state = self._endpoints.get(endpoint)
        if state is not None and started_ms in state.running:
            state.running.remove(started_ms)

    def release(self, endpoint: str, started_ms: int, now_ms: int) -> None:
        """End the attempt that was acquired at `started_ms`, whatever its outcome."""
        self.cancel(endpoint, started_ms)
        state = self._endpoints.get(endpoint)
        if state is not None:
            took = now_ms - started_ms
            state.quick = took <= QUICK_MS
            state.rest_until_ms = 0 if state.quick else now_ms + min(took, MAX_REST_MS)

    def _make_room(self, now_ms: int) -> None:
        """Drop the idle endpoints, then the oldest ones, until there is room for one more."""
        if len(self._endpoints) < _MAX_KNOWN:
            return
        self._endpoints = {
            endpoint: state for endpoint, state in self._endpoints.items() if state.matters(now_ms)
        }
        while len(self._endpoints) >= _MAX_KNOWN:
            del self._endpoints[next(iter(self._endpoints))]
