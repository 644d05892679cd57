"""What a page of the log costs among many rows, against the same page among 1,000.

The pages come from the deployed service, one signed request after the other, as often in turn as
there are rounds. A ratio near 1 says that an index serves the page whatever the table holds.
"""

from __future__ import annotations

import statistics
import time

from bench.figures import Figures
from bench.log_rows import USER, LogRows
from ops.stacks.service import ServiceClient
from tests.installation import Installation

FEW = 1_000
DEFAULT = 1_000_000
ROUNDS = 3
QUERIES = 20
PAGES = {
    "newest": {"limit": "50"},
    "one recipient": {"limit": "50", "user_id": USER},
    "failed": {"limit": "50", "status": "failed"},
}


def measure_log_query(figures: Figures, installation: Installation, *, rows: int) -> None:
    """Measure every page among 1,000 rows and among ``rows``, and remove them."""
    medians: dict[str, list[list[float]]] = {name: [] for name in PAGES}
    outputs = installation.outputs()
    with (
        LogRows(installation) as log,
        ServiceClient(outputs["service_url"], outputs["api_secret_key"]) as service,
    ):
        for size in (FEW, rows):
            log.grow(size)
            for name in PAGES:
                medians[name].append([])
            for _ in range(ROUNDS):
                for name, query in PAGES.items():
                    medians[name][-1].append(_median_ms(service, query, size))
    for name, (few, many) in medians.items():
        note = f"p50 of {QUERIES}, page of 50, {rows:,} rows"
        figures.rounds(f"log query, {name}", many, "ms", note)
        ratios = [large / small for large, small in zip(many, few, strict=True)]
        figures.rounds(f"log query, {name}, {rows:,} / {FEW:,} rows", ratios, "ratio")


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
