"""Sends over one and over four channels: rate, and latency of the answer.

The same recipient, text and number of clients, in turn. A send over four channels makes four
outbound calls side by side and answers when all four outcomes are written; its deliveries are four
times its sends.
"""

from __future__ import annotations

import statistics

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.load import LoadResult
from bench.send_load import SendLoad
from tests.installation import Installation

CASES = {
    "one channel": ("webhook",),
    "four channels": ("webhook", "telegram", "lark", "slack"),
}
CLIENTS = 10
ROUNDS = 3


def measure_channels(
    figures: Figures, installation: Installation, endpoint: Endpoint, *, seconds: int
) -> None:
    """Load the service with both kinds of sends for ``seconds`` each time."""
    sends = SendLoad(installation, user="bench-channels", endpoint=endpoint.url)
    for channels in CASES.values():
        sends.run(channels, clients=CLIENTS, amount=200)
    results: dict[str, list[LoadResult]] = {name: [] for name in CASES}
    before = endpoint.received()
    for _ in range(ROUNDS):
        for name, channels in CASES.items():
            results[name].append(sends.run(channels, clients=CLIENTS, seconds=seconds))
    due = sum(
        result.answers * len(CASES[name]) for name, rounds in results.items() for result in rounds
    )
    # What was still under way when a load ended was delivered, but not answered.
    if endpoint.received() - before < due:
        raise RuntimeError("fewer notifications arrived than the answers say")
    for name, rounds in results.items():
        failed = sum(result.failed for result in rounds)
        rate = statistics.median(result.per_second for result in rounds)
        note = f"{CLIENTS} clients, median of {ROUNDS} rounds, {failed} failed"
        figures.add(f"sends, {name}", rate, "/s", note)
        for quantile in ("p50", "p99"):
            value = statistics.median(getattr(result, quantile) for result in rounds)
            figures.add(f"sends, {name}, {quantile}", value, "ms")
