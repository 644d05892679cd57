"""What the callers of a service were answered in the last hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.names import calls_dataset
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

_PLANNED = "MAINTENANCE"
"""Code of an answer that an operator has asked for: no failure, though it is a 503."""
_MAX_GROUPS = 1_000
# The places of a point's texts are the Worker's (`http/application.py`).
_QUERY = """
SELECT blob1 AS route, blob2 AS method, blob3 AS status, blob4 AS code, blob5 AS version,
  blob6 AS channels, SUM(_sample_interval) AS calls
FROM {dataset} WHERE timestamp > NOW() - INTERVAL '60' MINUTE
GROUP BY route, method, status, code, version, channels
ORDER BY calls DESC LIMIT {limit} FORMAT JSON
"""


@dataclass(frozen=True)
class CallerMetrics:
    """Answers by what they were, from the data set that the Worker writes to.

    Attributes:
        answers: their number by route, method, status, code, version (its first eight
            characters) and channels.
        problem: why they aren't known, or an empty text.
    """

    answers: Mapping[tuple[str, str, int, str, str, str], int]
    problem: str = ""

    @classmethod
    def read(cls, account: StackAccount, worker: str) -> CallerMetrics:
        """Ask for the last hour's; what is refused is unknown and says why."""
        query = _QUERY.format(dataset=calls_dataset(worker), limit=_MAX_GROUPS)
        path = f"/accounts/{account.account_id}/analytics_engine/sql"
        try:
            found = account.document(
                "show what callers were answered",
                lambda client: client.post(path, content=query.encode(), cast_to=object),
            )
            return cls(_counted(found))
        except (OperationError, KeyError, TypeError, ValueError) as error:
            return cls({}, str(error) or type(error).__name__)

    @property
    def requests(self) -> int:
        """All answers."""
        return sum(self.answers.values())

    @property
    def failed(self) -> int:
        """Answers of 500 and above that nobody has asked for."""
        return sum(self.failures().values())

    @property
    def refused(self) -> int:
        """Answers of 400 to 499: callers' mistakes, which are no failures of the service."""
        return sum(n for (_, _, status, *_), n in self.answers.items() if 400 <= status < 500)

    def failures(self) -> Counter[str]:
        """Return failed requests by method, route, status and code, over the channels asked for."""
        found: Counter[str] = Counter()
        for (route, method, status, code, _, channels), count in self.answers.items():
            if status >= 500 and code != _PLANNED:
                over = f" over {channels}" if channels else ""
                found[f"{method} {route}{over}: {status} {code}".rstrip()] += count
        return found

    def of_version(self, version_id: str) -> tuple[int, int]:
        """Return requests and failures of one version."""
        mine = [
            (status, code, count)
            for (_, _, status, code, version, _), count in self.answers.items()
            if version and version_id.startswith(version)
        ]
        failed = sum(count for status, code, count in mine if status >= 500 and code != _PLANNED)
        return sum(count for *_, count in mine), failed

    def document(self) -> dict[str, Any]:
        """Return the numbers for ``--json``."""
        return {
            "requests": self.requests if not self.problem else None,
            "failed": self.failed if not self.problem else None,
            "refused": self.refused if not self.problem else None,
            "failures": dict(self.failures().most_common(20)),
            "problem": self.problem or None,
        }


def _counted(found: Mapping[str, Any]) -> dict[tuple[str, str, int, str, str, str], int]:
    return {
        (
            str(row["route"]),
            str(row["method"]),
            int(row["status"]),
            str(row["code"]),
            str(row["version"]),
            str(row["channels"]),
        ): int(float(row["calls"]))
        for row in found["data"]
    }
