"""What a send costs in processor time with 1, 10 and 100 times the rows in the log.

The rows grow between the loads, so these can't come in turn: processor time is compared, which a
busy machine disturbs less than a rate.
"""

from __future__ import annotations

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.log_rows import LogRows
from bench.processes import measure_shares
from bench.send_load import SendLoad
from tests.installation import Installation

TIMES = (1, 10, 100)
ROUNDS = 3
SENDS = 500
CLIENTS = 10


def measure_row_growth(
    figures: Figures, installation: Installation, endpoint: Endpoint, *, rows: int
) -> None:
    """Send with ``rows`` / 100, ``rows`` / 10 and ``rows`` rows in the log."""
    load = SendLoad(installation, user="bench-growth", endpoint=endpoint.url)
    spent: dict[int, dict[str, list[float]]] = {}
    with LogRows(installation) as log:
        for times in TIMES:
            log.grow(rows // TIMES[-1] * times)
            _send(load)
            rounds = [measure_shares(installation, lambda: _send(load)) for _ in range(ROUNDS)]
            spent[times] = {
                kind: [each[kind] * 1000 / SENDS for each in rounds] for kind in ("worker", "store")
            }
            for kind, values in spent[times].items():
                name = f"send, {rows // TIMES[-1] * times:,} rows, processor time, {kind}"
                figures.rounds(name, values, "ms")
    for times in TIMES[1:]:
        for kind in ("worker", "store"):
            ratios = [
                many / few for many, few in zip(spent[times][kind], spent[1][kind], strict=True)
            ]
            name = f"send, {times} times the rows, processor time, {kind}"
            figures.rounds(name, ratios, "ratio", "goal: flat")


def _send(load: SendLoad) -> None:
    result = load.run(clients=CLIENTS, amount=SENDS)
    if result.failed:
        raise RuntimeError(f"{result.failed} of {SENDS} sends failed")
