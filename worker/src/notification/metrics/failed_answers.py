"""What callers were answered in the last hour, as far as isolates know: without the database.

The data set of Analytics Engine has every answer, but a Worker can't query it without a token. So
alerts and health go by counts in memory, which isolates tell each other through the cache: nothing
is written for an answer that didn't fail.
"""

import json
from contextlib import suppress
from typing import NamedTuple

from notification.compact_json import compact_json
from notification.ports.platform import Platform
from notification.timestamps import HOUR_MS, MINUTE_MS, iso

FAILED_KEY = "failed_answers"
"""The cache's key under which isolates tell each other of failed answers."""
MIN_FAILED = 5
MAX_RATE = 0.01
"""Above both, callers are failed: the limits of `notifyctl verify` and of a canary."""
_MAX_WHAT = 300


class CallerAnswers(NamedTuple):
    """Answers of the last hour; a failed one is of 500 and above, maintenance apart.

    Attributes:
        requests: how many one isolate gave.
        failed: how many of them failed.
        last_ms: when the last one failed.
        what: route, status, code and place of the last one.
    """

    requests: int = 0
    failed: int = 0
    last_ms: int = 0
    what: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether more failed than may."""
        return self.failed >= MIN_FAILED and self.failed > self.requests * MAX_RATE

    @property
    def text(self) -> str:
        """The finding in one sentence; other isolates may have failed more."""
        return (
            f"At least {self.failed} of {self.requests} requests failed in the last hour, "
            f"the last at {iso(self.last_ms)}: {self.what}"
        )


class FailedAnswers:
    """Counts one isolate's answers by minutes, for an hour."""

    __slots__ = ("_is_new", "_last_ms", "_minutes", "_shared_ms", "_what")

    def __init__(self) -> None:
        self._minutes: dict[int, list[int]] = {}
        self._last_ms = 0
        self._what = ""
        self._shared_ms = 0
        self._is_new = False

    def count(self, now_ms: int, failure: str) -> None:
        """Count an answer; `failure` says what failed, and is empty where nothing did."""
        minute = now_ms // MINUTE_MS
        counts = self._minutes.get(minute)
        if counts is None:
            oldest = minute - HOUR_MS // MINUTE_MS
            self._minutes = {at: found for at, found in self._minutes.items() if at > oldest}
            counts = self._minutes[minute] = [0, 0]
        counts[0] += 1
        if failure:
            counts[1] += 1
            self._last_ms, self._what = now_ms, failure[:_MAX_WHAT]
            self._is_new = True

    def lately(self, now_ms: int) -> CallerAnswers:
        """Return the last hour's."""
        oldest = (now_ms - HOUR_MS) // MINUTE_MS
        counts = [found for at, found in self._minutes.items() if at > oldest]
        failed = sum(count[1] for count in counts)
        if not failed:
            return CallerAnswers(sum(count[0] for count in counts))
        return CallerAnswers(sum(count[0] for count in counts), failed, self._last_ms, self._what)

    def to_share(self, now_ms: int, version: str) -> str | None:
        """Return what other isolates should know, at most once a minute; None if nothing is new.

        A key of the cache takes one write a second, whoever writes it
        (developers.cloudflare.com/kv/platform/limits).
        """
        if not self._is_new or now_ms - self._shared_ms < MINUTE_MS:
            return None
        self._shared_ms, self._is_new = now_ms, False
        found = self.lately(now_ms)
        return compact_json({"version": version, **found._asdict()})


async def share_failed_answers(platform: Platform) -> None:
    """Tell the other isolates of failed answers; the cache may be down as well."""
    own = platform.memory.of(FailedAnswers)
    told = own.to_share(platform.clock.now_ms(), platform.version.short)
    if told is not None:
        with suppress(Exception):
            await platform.cache.put(FAILED_KEY, told, ttl_s=HOUR_MS // 1000)


async def answers_lately(platform: Platform) -> CallerAnswers:
    """Return what the isolate with the most failures has answered, of this one and of another.

    Another version's failures aren't this one's: after a rollback they are over.
    """
    now_ms = platform.clock.now_ms()
    own = platform.memory.of(FailedAnswers).lately(now_ms)
    try:
        told = json.loads(await platform.cache.get(FAILED_KEY) or "null")
        if told["version"] != platform.version.short:
            return own
        other = CallerAnswers(
            int(told["requests"]), int(told["failed"]), int(told["last_ms"]), str(told["what"])
        )
    except Exception:
        return own
    is_of_this_hour = 0 <= now_ms - other.last_ms < HOUR_MS
    return other if is_of_this_hour and other.failed > own.failed else own
