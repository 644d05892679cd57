"""Which signing keys callers have used, by their ids."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.names import calls_dataset
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

DAYS = 30
"""How far back it is asked for; Analytics Engine keeps three months."""
# The seventh text of a point is the key's id (`http/application.py` of the Worker).
_QUERY = """
SELECT blob7 AS key, SUM(_sample_interval) AS calls, MAX(timestamp) AS last
FROM {dataset} WHERE blob7 != '' AND timestamp > NOW() - INTERVAL '{days}' DAY
GROUP BY key ORDER BY last DESC LIMIT 20 FORMAT JSON
"""


@dataclass(frozen=True)
class KeyUse:
    """One signing key as callers used it.

    Attributes:
        key_id: its id, as the Worker's log lines have it.
        calls: signed calls.
        last: the last of them, as the data set tells the time.
        is_current: whether it is the one that is deployed as the newest.
    """

    key_id: str
    calls: int
    last: str
    is_current: bool

    def document(self) -> dict[str, Any]:
        """Return it as plain values, for ``--json``."""
        return {
            "key_id": self.key_id,
            "calls": self.calls,
            "last": self.last,
            "current": self.is_current,
        }


def signing_key_id(key: str) -> str:
    """Return the id by which the Worker names a signing key."""
    return hmac.digest(key.encode(), b"signing-key-id", "sha256").hex()[:8]


def key_uses(
    account: StackAccount, *, worker: str, current_key: str, days: int = DAYS
) -> Sequence[KeyUse]:
    """Return every signing key that was used, the one used last first.

    Raises:
        OperationError: the account doesn't tell.
    """
    query = _QUERY.format(dataset=calls_dataset(worker), days=days)
    path = f"/accounts/{account.account_id}/analytics_engine/sql"
    found = account.document(
        "show which signing keys are used",
        lambda client: client.post(path, content=query.encode(), cast_to=object),
    )
    try:
        return [
            KeyUse(
                str(row["key"]),
                int(float(row["calls"])),
                _moment(row["last"]),
                str(row["key"]) == signing_key_id(current_key),
            )
            for row in found["data"]
        ]
    except (KeyError, TypeError, ValueError):
        raise OperationError("The account's analytics have an unexpected form.") from None


def _moment(value: object) -> str:
    """Return a time of the data set, `YYYY-MM-DD hh:mm:ss` in UTC, as ISO 8601."""
    return f"{str(value).replace(' ', 'T')}Z"
