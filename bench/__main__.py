"""``make bench``: measure, print, and write ``build/bench.json``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench.batches import measure_batches
from bench.channels import measure_channels
from bench.cold_start import measure_cold_start
from bench.console import measure_console
from bench.domain import measure_domain
from bench.endpoint import Endpoint
from bench.engine_time import measure_no_change_up
from bench.figures import Figures
from bench.installing import measure_make_up
from bench.log_query import DEFAULT as LOG_ROWS
from bench.log_query import measure_log_query
from bench.memory_growth import FULL, measure_memory_growth
from bench.page import PAGE, write_page
from bench.resources import measure_boot, measure_bundle, measure_memory, measure_storage
from bench.row_growth import measure_row_growth
from bench.saturation import measure_saturation
from bench.sends import measure_sends
from bench.stack_operations import measure_stack_operations
from tests.installation import ROOT, Installation

ON_THEIR_OWN = ("install", "operations", "saturation")
PARTS = {
    "install": "make up in a fresh clone: cold, warm, unchanged",
    "operations": "up, preview, rollback and destroy of a stack, as whole commands",
    "engine": "an up that changes nothing, beside the imports of its SDKs",
    "sends": "sends/s, latency and processor time with 1, 10 and 50 clients, beside floor and peer",
    "channels": "sends/s, p50, p99 and processor time over one and over four channels",
    "batches": "sends/s and processor time a send in batches, beside single sends and the peer",
    "domain": "template renderings/s, signature checks/s, and the imports' processor time",
    "console": "the console's weight, first view, and delay of a new notification",
    "logs": "pages of the log among 1,000 and among --rows rows",
    "rows": "processor time of a send with 1, 10 and 100 times the rows, --rows at most",
    "resources": "boot, D1 round trips and rows of a send, memory, size of the bundle",
    "cold": "a Worker's start with and without its memory snapshot",
    "growth": "the service's memory over --sends sends",
    "saturation": "a simulation: sends/s at which one and several databases saturate",
}


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure, print, and write build/bench.json; without --only every part.",
        epilog="parts:\n" + "\n".join(f"  {name:11} {text}" for name, text in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", choices=tuple(PARTS), metavar="PART", action="append", help="run it; repeatable"
    )
    parser.add_argument("--seconds", type=int, default=5, help="length of one load (default 5)")
    parser.add_argument(
        "--sends",
        type=int,
        default=FULL,
        help=f"sends over which memory is watched (default {FULL})",
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=LOG_ROWS,
        help=f"rows of the log (default {LOG_ROWS})",
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "bench.json", help="file of the figures"
    )
    parser.add_argument(
        "--page", action="store_true", help=f"put the figures into {PAGE.relative_to(ROOT)}, too"
    )
    chosen = parser.parse_args()
    parts = chosen.only or list(PARTS)
    console = Console(highlight=False)
    started = time.monotonic()
    figures = Figures(console)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Endpoint() as endpoint:
        if "install" in parts:
            with _timed(console, "make up in a fresh clone"):
                measure_make_up(figures, Path(folder))
        if "operations" in parts:
            with _timed(console, "a stack's operations"):
                measure_stack_operations(figures, Path(folder))
        if "saturation" in parts:
            with _timed(console, "where the design saturates (simulated)"):
                measure_saturation(figures)
        if set(parts) - set(ON_THEIR_OWN):
            console.print("deploying an installation to measure")
            installation = Installation(
                Path(folder) / "stack", settings={"telegramApiUrl": endpoint.base}
            )
            measures = _measures(figures, installation, endpoint, chosen, Path(folder))
            try:
                installation.up()
                due = [part for part in parts if part in measures]
                for number, part in enumerate(due, start=1):
                    with _timed(console, f"{part} ({number} of {len(due)})"):
                        measures[part]()
            finally:
                installation.close()
    console.print()
    figures.print()
    kept = figures.write(chosen.output)
    console.print(f"\nmeasured for {time.monotonic() - started:.0f} s")
    console.print(f"written to {chosen.output}; every run's: {kept}")
    if chosen.page:
        write_page([chosen.output])


@contextmanager
def _timed(console: Console, title: str) -> Iterator[None]:
    """Print a part's title, and how long it took once it has ended."""
    console.print(title)
    started = time.monotonic()
    yield
    console.print(f"  took {time.monotonic() - started:.0f} s")


def _measures(
    figures: Figures,
    installation: Installation,
    endpoint: Endpoint,
    chosen: argparse.Namespace,
    folder: Path,
) -> dict[str, Callable[[], None]]:
    def measure_resources() -> None:
        measure_boot(figures, installation)
        measure_storage(figures, installation)
        measure_memory(figures, installation)
        measure_bundle(figures, ROOT / "dist" / "worker")

    return {
        "engine": lambda: measure_no_change_up(figures, installation),
        "sends": lambda: measure_sends(
            figures, installation, endpoint, seconds=chosen.seconds, folder=folder / "sends"
        ),
        "channels": lambda: measure_channels(
            figures, installation, endpoint, seconds=chosen.seconds
        ),
        "batches": lambda: measure_batches(
            figures, installation, endpoint, folder=folder / "batches"
        ),
        "domain": lambda: measure_domain(figures, installation),
        "console": lambda: measure_console(figures, installation),
        "logs": lambda: measure_log_query(figures, installation, rows=chosen.rows),
        "rows": lambda: measure_row_growth(figures, installation, endpoint, rows=chosen.rows),
        "cold": lambda: measure_cold_start(figures, installation),
        "resources": measure_resources,
        "growth": lambda: measure_memory_growth(
            figures, installation, endpoint, sends=chosen.sends
        ),
    }


if __name__ == "__main__":
    main()
