"""Sends over one and over four channels: rate, latency of the answer and processor time.

The same recipient, text and number of clients, in turn. A send over four channels makes four
outbound calls side by side and answers when all four outcomes are written; its deliveries are four
times its sends.
"""

from __future__ import annotations

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.load import LoadResult
from bench.processes import Shares, measure_load
from bench.send_load import SendLoad
from tests.installation import Installation

ONE, FOUR = "one channel", "four channels"
CASES = {ONE: ("webhook",), FOUR: ("webhook", "telegram", "lark", "slack")}
CLIENTS = 10
ROUNDS = 3


def measure_channels(
    figures: Figures, installation: Installation, endpoint: Endpoint, *, seconds: int
) -> None:
    """Load the service with both kinds of sends for ``seconds`` each time.

    Raises:
        RuntimeError: fewer notifications arrived than were answered.
    """
    sends = SendLoad(installation, user="bench-channels", endpoint=endpoint.url)
    for channels in CASES.values():
        sends.run(channels, clients=CLIENTS, amount=200)

    def round_of(name: str) -> tuple[LoadResult, Shares]:
        return measure_load(
            installation, lambda: sends.run(CASES[name], clients=CLIENTS, seconds=seconds)
        )

    before = endpoint.received()
    rounds = [{name: round_of(name) for name in CASES} for _ in range(ROUNDS)]
    due = sum(
        result.answers * len(CASES[name]) for each in rounds for name, (result, _) in each.items()
    )
    # What was still under way when a load ended was delivered, but not answered.
    if endpoint.received() - before < due:
        raise RuntimeError("fewer notifications arrived than the answers say")
    for name in CASES:
        _report(figures, name, [each[name] for each in rounds])
    many = len(CASES[FOUR])
    ratios = [each[FOUR][0].per_second * many / each[ONE][0].per_second for each in rounds]
    figures.rounds("deliveries a second, four channels / one channel", ratios, "ratio")


def _report(figures: Figures, name: str, rounds: list[tuple[LoadResult, Shares]]) -> None:
    failed = sum(result.failed for result, _ in rounds)
    rates = [result.per_second for result, _ in rounds]
    figures.rounds(f"sends, {name}", rates, "/s", f"{CLIENTS} clients, {failed} failed")
    for quantile in ("p50", "p99"):
        values = [getattr(result, quantile) for result, _ in rounds]
        figures.rounds(f"sends, {name}, {quantile}", values, "ms")
    spent = [sum(shares.values()) * 1000 / result.answers for result, shares in rounds]
    figures.rounds(f"sends, {name}, processor time a send, all processes", spent, "ms")
