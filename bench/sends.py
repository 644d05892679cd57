"""A send's throughput and latency, beside the floor's, in one run.

Both are loaded in turn, round by round, so that a slow moment of the machine meets both; the ratio
is the median over the pairs. `bench.floor` says what the floor does and what it leaves out.
"""

from __future__ import annotations

import statistics

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.floor import deploy_floor
from bench.load import LoadResult, load
from bench.send_load import SendLoad
from tests.installation import Installation

CLIENTS = (1, 10, 50)
ROUNDS = 3


def measure_sends(
    figures: Figures, installation: Installation, endpoint: Endpoint, *, seconds: int
) -> None:
    """Load the service and the floor with 1, 10 and 50 clients for ``seconds`` each time."""
    sends = SendLoad(installation, user="bench", endpoint=endpoint.url)
    host = deploy_floor(installation, endpoint=endpoint.url)
    url = installation.outputs()["service_url"] + "/"
    sends.run(clients=10, seconds=seconds)  # warms both caches and the interpreter
    _floor(url, host, clients=10, seconds=seconds)
    for clients in CLIENTS:
        ours, floors = [], []
        for _ in range(ROUNDS):
            ours.append(sends.run(clients=clients, seconds=seconds))
            floors.append(_floor(url, host, clients=clients, seconds=seconds))
        _report(figures, clients, ours, floors)


def _report(
    figures: Figures, clients: int, ours: list[LoadResult], floors: list[LoadResult]
) -> None:
    label = f"{clients} client{'' if clients == 1 else 's'}"
    for name, results in (("send", ours), ("floor", floors)):
        rates = sorted(result.per_second for result in results)
        spread = f"{rates[0]:.0f} to {rates[-1]:.0f} in {ROUNDS} rounds"
        failed = sum(result.failed for result in results)
        figures.add(
            f"{name}, {label}", statistics.median(rates), "/s", f"{spread}, {failed} failed"
        )
        for quantile in ("p50", "p99"):
            values = [getattr(result, quantile) for result in results]
            figures.add(f"{name}, {label}, {quantile}", statistics.median(values), "ms")
    ratios = [mine.per_second / floor.per_second for mine, floor in zip(ours, floors, strict=True)]
    note = f"goal: at least 0.8; {min(ratios):.2f} to {max(ratios):.2f}, pair by pair"
    figures.add(f"send / floor, {label}", statistics.median(ratios), "ratio", note)


def _floor(url: str, host: str, *, clients: int, seconds: int) -> LoadResult:
    headers = {"Host": host, "Content-Type": "application/json"}
    return load(url, clients=clients, seconds=seconds, body="{}", headers=headers)
