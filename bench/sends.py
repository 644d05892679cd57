"""A send's throughput, latency and processor time, beside the floor's and the peer's, in one run.

All are loaded in turn, round by round, so that a slow moment of the machine meets each of them; a
ratio is that of one round. `bench.floor` and `bench.peer` say what the others do and leave out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.floor import deploy_floor
from bench.load import LoadResult, load
from bench.peer import Peer
from bench.processes import Shares, measure_load
from bench.send_load import SendLoad
from tests.installation import Installation

CLIENTS = (1, 10, 50)
ROUNDS = 3
GOALS = {"floor": "goal: at least 0.95", "peer": "goal: at least 0.8 with 10 and 50 clients"}

Way = Callable[[int, int], tuple[LoadResult, Shares]]
"""Loads something from so many clients for so many seconds."""


def measure_sends(
    figures: Figures,
    installation: Installation,
    endpoint: Endpoint,
    *,
    seconds: int,
    folder: Path,
) -> None:
    """Load service, floor and peer with 1, 10 and 50 clients for ``seconds`` each time."""
    sends = SendLoad(installation, user="bench", endpoint=endpoint.url)
    host = deploy_floor(installation, endpoint=endpoint.url)
    url = installation.outputs()["service_url"] + "/"
    headers = {"Host": host, "Content-Type": "application/json"}

    def service(clients: int, seconds: int) -> tuple[LoadResult, Shares]:
        return measure_load(installation, lambda: sends.run(clients=clients, seconds=seconds))

    def floor(clients: int, seconds: int) -> tuple[LoadResult, Shares]:
        return measure_load(
            installation,
            lambda: load(url, clients=clients, seconds=seconds, body="{}", headers=headers),
        )

    with Peer(folder / "peer", endpoint=endpoint.url) as peer:
        ways: dict[str, Way] = {
            "send": service,
            "floor": floor,
            "peer": lambda clients, seconds: peer.run(clients=clients, seconds=seconds),
        }
        for way in ways.values():
            way(10, seconds)  # warms caches, connections and the interpreter
        for clients in CLIENTS:
            rounds = [
                {name: way(clients, seconds) for name, way in ways.items()} for _ in range(ROUNDS)
            ]
            _report(figures, clients, rounds)


def _report(
    figures: Figures, clients: int, rounds: list[dict[str, tuple[LoadResult, Shares]]]
) -> None:
    label = f"{clients} client{'' if clients == 1 else 's'}"
    for name in rounds[0]:
        results = [each[name][0] for each in rounds]
        failed = sum(result.failed for result in results)
        figures.rounds(
            f"{name}, {label}", [result.per_second for result in results], "/s", f"{failed} failed"
        )
        for quantile in ("p50", "p99"):
            values = [getattr(result, quantile) for result in results]
            figures.rounds(f"{name}, {label}, {quantile}", values, "ms")
        for kind in rounds[0][name][1]:
            spent = [each[name][1][kind] * 1000 / each[name][0].answers for each in rounds]
            figures.rounds(f"{name}, {label}, processor time a send, {kind}", spent, "ms")
    for other, goal in GOALS.items():
        ratios = [each["send"][0].per_second / each[other][0].per_second for each in rounds]
        figures.rounds(f"send / {other}, {label}", ratios, "ratio", goal)
        spent = [_each(each["send"]) / _each(each[other]) for each in rounds]
        figures.rounds(f"send / {other}, {label}, processor time", spent, "ratio")


def _each(measured: tuple[LoadResult, Shares]) -> float:
    result, shares = measured
    return sum(shares.values()) / result.answers
