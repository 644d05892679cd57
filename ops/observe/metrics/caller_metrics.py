"""What the callers of a service were answered, from the data set that its Worker writes to.

It is the one source of failed requests: for status, diagnosis, reports, canaries and verification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infra.names import calls_dataset
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

PLANNED = "MAINTENANCE"
"""Code of an answer that an operator has asked for: no failure, though it is a 503."""
HOUR_S = 3_600
ERROR_RATE = 0.01
"""Share of failures above which a version is bad: that of the service's own warning."""
UNEXPECTED = "the account's analytics have an unexpected form"
_MAX_GROUPS = 1_000
# The places of a point's texts and numbers are the Worker's (`http/application.py`).
_QUERY = """
SELECT blob1 AS route, blob2 AS method, blob3 AS status, blob4 AS code, blob5 AS version,
  blob6 AS channels, blob9 AS place, blob10 AS undelivered, SUM(_sample_interval) AS calls,
  MIN(timestamp) AS first, MAX(timestamp) AS last, argMax(blob8, timestamp) AS example
FROM {dataset} WHERE timestamp > NOW() - INTERVAL '{seconds}' SECOND
GROUP BY route, method, status, code, version, channels, place, undelivered
ORDER BY calls DESC LIMIT {limit} FORMAT JSON
"""


@dataclass(frozen=True)
class CallerAnswer:
    """Answers of one kind.

    Attributes:
        route: path of the route; ``none`` where no route took the call.
        method: HTTP method.
        status: HTTP status.
        code: code of the refusal, or an empty text.
        version: first eight characters of the version's id.
        channels: channels that were asked for, joined by commas.
        place: kind and place of an unexpected error in the code, or an empty text.
        undelivered: those of the channels whose first attempt failed.
        calls: how many; where the account samples, an estimate.
        first: the first of them, in UTC as ISO 8601.
        last: the last of them.
        example: id of the last request.
    """

    route: str
    method: str
    status: int
    code: str
    version: str
    channels: str
    place: str
    undelivered: str
    calls: int
    first: str
    last: str
    example: str

    @property
    def is_failure(self) -> bool:
        """Whether the service failed its caller, and nobody has asked for that."""
        return self.status >= 500 and self.code != PLANNED

    @property
    def said(self) -> str:
        """Method, route, channels, status, code and place, as a person would tell them."""
        over = f" over {self.channels}" if self.channels else ""
        at = f" at {self.place}" if self.place else ""
        said = f"{self.method} {self.route}{over}: {self.status} {self.code}"
        return said.strip() + at


@dataclass(frozen=True)
class CallerMetrics:
    """Answers of some time by what they were.

    Attributes:
        answers: one entry of each kind.
        problem: why they aren't known, or an empty text.
    """

    answers: Sequence[CallerAnswer]
    problem: str = ""

    @classmethod
    def read(cls, account: StackAccount, worker: str, *, seconds: int = HOUR_S) -> CallerMetrics:
        """Ask for the last hour's, or those of ``seconds``; a refusal is unknown, with why."""
        query = _QUERY.format(dataset=calls_dataset(worker), seconds=seconds, limit=_MAX_GROUPS)
        try:
            found = ask_points(account, query, "read callers' answers")
            return cls([_answer(row) for row in found])
        except OperationError as error:
            return cls((), str(error))
        except (KeyError, TypeError, ValueError):
            return cls((), UNEXPECTED)

    @property
    def requests(self) -> int:
        """All answers."""
        return sum(answer.calls for answer in self.answers)

    @property
    def failed(self) -> int:
        """Answers of 500 and above that nobody has asked for."""
        return sum(answer.calls for answer in self.answers if answer.is_failure)

    @property
    def refused(self) -> int:
        """Answers of 400 to 499: callers' mistakes, which are no failures of the service."""
        return sum(answer.calls for answer in self.answers if 400 <= answer.status < 500)

    def failures(self) -> list[CallerAnswer]:
        """Return the failed requests over all versions, the most frequent first."""
        return _merged(answer for answer in self.answers if answer.is_failure)

    def refusals(self) -> list[CallerAnswer]:
        """Return the refused requests likewise."""
        return _merged(answer for answer in self.answers if 400 <= answer.status < 500)

    def of_version(self, version_id: str) -> tuple[int, int]:
        """Return requests and failures of one version."""
        mine = [one for one in self.answers if one.version and version_id.startswith(one.version)]
        return sum(one.calls for one in mine), sum(one.calls for one in mine if one.is_failure)

    def of_channels(self) -> dict[str, tuple[int, int]]:
        """Return sends by channel, and those that failed or whose first attempt did."""
        asked: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        for answer in self.answers:
            for channel in filter(None, answer.channels.split(",")):
                asked[channel] += answer.calls
                if answer.is_failure or channel in answer.undelivered.split(","):
                    failed[channel] += answer.calls
        return {channel: (count, failed[channel]) for channel, count in sorted(asked.items())}

    def document(self) -> dict[str, Any]:
        """Return the numbers for ``--json``."""
        return {
            "requests": self.requests if not self.problem else None,
            "failed": self.failed if not self.problem else None,
            "refused": self.refused if not self.problem else None,
            "failures": {one.said: one.calls for one in self.failures()[:20]},
            "refusals": {one.said: one.calls for one in self.refusals()[:20]},
            "channels": {
                channel: {"sends": sends, "failed": failed}
                for channel, (sends, failed) in self.of_channels().items()
            },
            "problem": self.problem or None,
        }


def ask_points(account: StackAccount, query: str, what: str) -> Sequence[Mapping[str, Any]]:
    """Return the rows of a query over a data set; ``what`` completes "Cloudflare refused to …".

    Raises:
        OperationError: the account refused, or gave no answer.
        ValueError: the answer has another form than that of the format JSON.
    """
    path = f"/accounts/{account.account_id}/analytics_engine/sql"
    found = account.document(
        what, lambda client: client.post(path, content=query.encode(), cast_to=object)
    )
    rows = found.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError(UNEXPECTED)
    return rows


def time_of_point(value: object) -> str:
    """Return a time of a data set, `YYYY-MM-DD hh:mm:ss` in UTC, as ISO 8601."""
    return f"{str(value).replace(' ', 'T')}Z"


def _answer(row: Mapping[str, Any]) -> CallerAnswer:
    return CallerAnswer(
        route=str(row["route"]),
        method=str(row["method"]),
        status=int(row["status"]),
        code=str(row["code"]),
        version=str(row["version"]),
        channels=str(row["channels"]),
        place=str(row["place"]),
        undelivered=str(row["undelivered"]),
        calls=int(float(row["calls"])),
        first=time_of_point(row["first"]),
        last=time_of_point(row["last"]),
        example=str(row["example"]),
    )


def _merged(answers: Iterable[CallerAnswer]) -> list[CallerAnswer]:
    """Put those of several versions together that a person would tell alike."""
    found: dict[str, CallerAnswer] = {}
    for one in answers:
        other = found.get(one.said)
        if other is not None:
            newer = max(one, other, key=lambda each: each.last)
            one = replace(newer, calls=one.calls + other.calls, first=min(one.first, other.first))
        found[one.said] = one
    return sorted(found.values(), key=lambda each: -each.calls)
