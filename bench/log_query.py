"""What a page of the log costs among 100,000 rows, against the same page among 1,000.

The rows are written through the database's own API, at the service's id scheme and spread over a
hundred recipients and ten days; the pages come from the deployed service, one signed request after
the other. A ratio near 1 says that an index serves the page whatever the table holds.
"""

from __future__ import annotations

import statistics
import time

from bench.figures import Figures
from bench.side_worker import ACCOUNT
from ops.stacks.service import ServiceClient
from tests.installation import Installation

SIZES = (1_000, 100_000)
QUERIES = 60
ROWS_A_STATEMENT = 10_000
PAGES = {
    "newest": {"limit": "50"},
    "one recipient": {"limit": "50", "user_id": "bench-log-7"},
    "failed": {"limit": "50", "status": "failed"},
}
# Row ids count 4,096 to the millisecond from 2024 on, and message ids name them: one row in each
# 8.64 s makes 100,000 rows span ten days. Two of a hundred have failed.
_FIRST_MS = 1_760_000_000_000
_STEP_MS = 8_640
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
_DELETE = "DELETE FROM notification_logs WHERE user_id LIKE 'bench-log-%'"


def measure_log_query(figures: Figures, installation: Installation) -> None:
    """Seed 1,000 rows, measure every page, seed up to 100,000, measure again, and clean up."""
    medians: dict[str, list[float]] = {name: [] for name in PAGES}
    seeded, outputs = 0, installation.outputs()
    _sql(installation, "DELETE FROM notification_logs", [])
    try:
        for size in SIZES:
            for start in range(seeded, size, ROWS_A_STATEMENT):
                _sql(installation, _SEED, [start, min(start + ROWS_A_STATEMENT, size)])
            seeded = size
            with ServiceClient(outputs["service_url"], outputs["api_secret_key"]) as service:
                for name, query in PAGES.items():
                    medians[name].append(_median_ms(service, query, size))
    finally:
        _sql(installation, _DELETE, [])
    for name, (few, many) in medians.items():
        note = f"p50 of {QUERIES}, page of 50, {SIZES[1]:,} rows"
        figures.add(f"log query, {name}", many, "ms", note)
        figures.add(f"log query, {name}, 100,000 / 1,000 rows", many / few, "ratio")


def _median_ms(service: ServiceClient, query: dict[str, str], size: int) -> float:
    took = []
    for number in range(QUERIES + 5):
        started = time.perf_counter()
        page = service.result("GET", "/api/notification-logs", query=query)["data"]
        if number >= 5:
            took.append((time.perf_counter() - started) * 1000)
        least = min(50, size // 100) if len(query) > 1 else 50
        if len(page["logs"]) < least:
            raise RuntimeError(
                f"the page of {query} holds {len(page['logs'])} rows: seeding failed"
            )
    return statistics.median(took)


def _sql(installation: Installation, sql: str, parameters: list[int]) -> None:
    path = f"{ACCOUNT}/d1/database/{installation.outputs()['d1_database_id']}/query"
    answer = installation.control("POST", path, json={"sql": sql, "params": parameters})
    if not answer.json().get("success"):
        raise RuntimeError(f"the database refused a statement: {answer.text[:300]}")
