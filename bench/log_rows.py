"""Rows of the log in great number, written through the database's own API.

They follow the service's id scheme and are spread over a hundred recipients and over the last ten
days, one row in each 864 ms: what is older than the log's retention, the cron deletes meanwhile.
Two of a hundred have failed.
"""

from __future__ import annotations

import time
from typing import Any

from bench.side_worker import ACCOUNT
from tests.installation import Installation

USER = "bench-log-7"
"""One of the hundred recipients."""
_ROWS_A_STATEMENT = 10_000
_STEP_MS = 864
_FIRST_MS = int(time.time() * 1000) - 1_000_000 * _STEP_MS
# Row ids count 4,096 to the millisecond from 2024 on, and message ids name them.
_EPOCH_MS = 1_704_067_200_000
_SEED = f"""
WITH RECURSIVE counted(n) AS (
 SELECT CAST(?1 AS INTEGER) UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < ?2)
INSERT INTO notification_logs
 (id, message_id, user_id, channel_type, subject, content, status, sent_at, created_at, updated_at)
SELECT ({_FIRST_MS} + n * {_STEP_MS} - {_EPOCH_MS}) * 4096,
 'ntf_' || ({_FIRST_MS} + n * {_STEP_MS}) || '_webhook_000000000000',
 'bench-log-' || (n % 100), 'webhook', 'Hello', 'It works',
 iif(n % 50 = 0, 'failed', 'sent'), '2026-01-01T00:00:00.000Z',
 '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' FROM counted"""  # noqa: S608 constants
_DELETE = """DELETE FROM notification_logs WHERE id IN (
 SELECT id FROM notification_logs LIMIT ?1)"""


class LogRows:
    """The rows of one installation's log; use it in a ``with`` block, which ends without any."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._count = 0

    def __enter__(self) -> LogRows:
        self._clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def grow(self, count: int) -> None:
        """Add rows until there are ``count`` of these."""
        for start in range(self._count, count, _ROWS_A_STATEMENT):
            self._sql(_SEED, [start, min(start + _ROWS_A_STATEMENT, count)])
        self._count = count

    def _clear(self) -> None:
        # In parts: one statement has a limit of time.
        while self._sql(_DELETE, [_ROWS_A_STATEMENT])[0]["meta"]["changes"]:
            pass
        self._count = 0

    def _sql(self, sql: str, parameters: list[int]) -> list[dict[str, Any]]:
        path = f"{ACCOUNT}/d1/database/{self._installation.outputs()['d1_database_id']}/query"
        answer = self._installation.control("POST", path, json={"sql": sql, "params": parameters})
        document = answer.json()
        if not document.get("success"):
            raise RuntimeError(f"the database refused a statement: {answer.text[:300]}")
        results: list[dict[str, Any]] = document["result"]
        return results
