"""What failed in the last hour, as far as isolates know: without the database.

Each isolate counts in memory, and isolates tell each other through the cache. Nothing is written
while nothing fails. Analytics Engine's data set has every answer, but a Worker can't query it
without a token (developers.cloudflare.com/analytics/analytics-engine/worker-querying): health and
the hourly alert count the same answers here, by the same rule.
"""

import json
from contextlib import suppress
from typing import ClassVar, NamedTuple

from notification.compact_json import compact_json
from notification.ports.platform import Platform
from notification.timestamps import HOUR_MS, MINUTE_MS, iso

_MAX_WHAT = 300
MIN_FAILED = 5
MAX_RATE = 0.01
"""Above both, callers are failed: the limits of `notifyctl verify` and of a canary."""
PLANNED = "MAINTENANCE"
"""Code of an answer that an operator has asked for."""


class Lately(NamedTuple):
    """The last hour, as one isolate has seen it.

    Attributes:
        tried: how often it was tried.
        failed: how often it failed.
        last_ms: when it failed last.
        what: what failed last.
    """

    tried: int = 0
    failed: int = 0
    last_ms: int = 0
    what: str = ""


class LastHour:
    """Counts one isolate's successes and failures by minutes, for an hour.

    Attributes:
        KEY: the cache's key under which isolates tell each other of failures.
        OF_ONE_VERSION: whether another version's failures are none of this one's.
    """

    KEY: ClassVar[str]
    OF_ONE_VERSION: ClassVar[bool]

    __slots__ = ("_is_new", "_last_ms", "_minutes", "_shared_ms", "_what")

    def __init__(self) -> None:
        self._minutes: dict[int, list[int]] = {}
        self._last_ms = 0
        self._what = ""
        self._shared_ms = 0
        self._is_new = False

    def count(self, now_ms: int, failure: str) -> None:
        """Count one; `failure` says what failed, and is empty where nothing did."""
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

    def lately(self, now_ms: int) -> Lately:
        """Return the last hour's."""
        oldest = (now_ms - HOUR_MS) // MINUTE_MS
        counts = [found for at, found in self._minutes.items() if at > oldest]
        tried, failed = sum(found[0] for found in counts), sum(found[1] for found in counts)
        return Lately(tried, failed, self._last_ms, self._what) if failed else Lately(tried)

    def to_share(self, now_ms: int, version: str) -> str | None:
        """Return what other isolates should know, at most once a minute; None if nothing is new.

        A key of the cache takes one write a second, whoever writes it
        (developers.cloudflare.com/kv/platform/limits).
        """
        if not self._is_new or now_ms - self._shared_ms < MINUTE_MS:
            return None
        self._shared_ms, self._is_new = now_ms, False
        return compact_json({"version": version, **self.lately(now_ms)._asdict()})

    def with_told(self, told: str | None, now_ms: int, version: str) -> Lately:
        """Return the last hour of the isolate that knows most, with the last failure of any.

        Args:
            told: what another isolate has told; a text of another form tells nothing.
            now_ms: the time.
            version: the running version.
        """
        own = self.lately(now_ms)
        try:
            found = json.loads(told or "null")
            if self.OF_ONE_VERSION and found["version"] != version:
                return own
            other = Lately(
                int(found["tried"]), int(found["failed"]), int(found["last_ms"]), str(found["what"])
            )
        except (ValueError, TypeError, KeyError):
            return own
        if not 0 <= now_ms - other.last_ms < HOUR_MS:
            return own
        newest = max(own, other, key=lambda one: one.last_ms)
        most = max(own, other, key=lambda one: one.failed)
        return most._replace(last_ms=newest.last_ms, what=newest.what)


class RefusedWrites(LastHour):
    """Writes that the database refused, whatever the version: it is the same database."""

    KEY = "health_check"
    OF_ONE_VERSION = False

    __slots__ = ()


class FailedAnswers(LastHour):
    """Answers to callers. After a rollback, another version's failures are over."""

    KEY = "failed_answers"
    OF_ONE_VERSION = True

    __slots__ = ()


async def share_failures(platform: Platform, *kinds: type[LastHour]) -> None:
    """Tell the other isolates of failures; the cache may be down as well."""
    for kind in kinds:
        told = platform.memory.of(kind).to_share(platform.clock.now_ms(), platform.version.short)
        if told is not None:
            with suppress(Exception):
                await platform.cache.put(kind.KEY, told, ttl_s=HOUR_MS // 1000)


def is_failure(status: int, code: str) -> bool:
    """Return whether the service failed its caller, and nobody has asked for that.

    `ops/observe/metrics/caller_metrics.py` has the same rule for the points of the data set.
    """
    return status >= 500 and code != PLANNED


async def answers_lately(platform: Platform) -> Lately:
    """Return what callers were answered lately; the cache may be down."""
    told = None
    with suppress(Exception):
        told = await platform.cache.get(FailedAnswers.KEY)
    own = platform.memory.of(FailedAnswers)
    return own.with_told(told, platform.clock.now_ms(), platform.version.short)


def are_bad(answers: Lately) -> bool:
    """Return whether more answers failed than may."""
    return answers.failed >= MIN_FAILED and answers.failed > answers.tried * MAX_RATE


def sentence(answers: Lately) -> str:
    """Return the finding in one sentence; other isolates may have failed more."""
    return (
        f"At least {answers.failed} of {answers.tried} requests failed in the last hour, "
        f"the last at {iso(answers.last_ms)}: {answers.what}"
    )
