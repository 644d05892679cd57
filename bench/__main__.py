"""``make bench``: measure, print, and write ``build/bench.json``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.channels import measure_channels
from bench.domain import measure_domain
from bench.endpoint import Endpoint
from bench.engine_time import measure_no_change_up
from bench.figures import Figures
from bench.installing import measure_make_up
from bench.log_query import measure_log_query
from bench.memory_growth import FULL, measure_memory_growth
from bench.resources import measure_boot, measure_bundle, measure_memory, measure_storage
from bench.sends import measure_sends
from bench.stack_operations import measure_stack_operations
from tests.installation import ROOT, Installation

ON_THEIR_OWN = ("install", "operations")
PARTS = (
    *ON_THEIR_OWN,
    "engine",
    "sends",
    "channels",
    "domain",
    "logs",
    "resources",
    "growth",
)


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part; repeatable")
    parser.add_argument("--seconds", type=int, default=5, help="length of one load (default 5)")
    parser.add_argument(
        "--sends",
        type=int,
        default=10_000,
        help=f"sends over which memory is watched (default 10000; the full count is {FULL})",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json")
    chosen = parser.parse_args()
    parts = chosen.only or PARTS
    console = Console(highlight=False)
    figures = Figures(console)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Endpoint() as endpoint:
        if "install" in parts:
            console.print("make up in a fresh clone")
            measure_make_up(figures, Path(folder))
        if "operations" in parts:
            console.print("a stack's operations")
            measure_stack_operations(figures, Path(folder))
        if set(parts) - set(ON_THEIR_OWN):
            console.print("deploying an installation to measure")
            installation = Installation(
                Path(folder) / "stack", settings={"telegramApiUrl": endpoint.base}
            )
            measures = _measures(figures, installation, endpoint, chosen)
            try:
                installation.up()
                for part in parts:
                    if part in measures:
                        console.print(part)
                        measures[part]()
            finally:
                installation.close()
    console.print()
    figures.print()
    figures.write(chosen.output)
    console.print(f"\nwritten to {chosen.output}")


def _measures(
    figures: Figures, installation: Installation, endpoint: Endpoint, chosen: argparse.Namespace
) -> dict[str, Callable[[], None]]:
    def measure_resources() -> None:
        measure_boot(figures, installation)
        measure_storage(figures, installation)
        measure_memory(figures, installation)
        measure_bundle(figures, ROOT / "dist" / "worker")

    return {
        "engine": lambda: measure_no_change_up(figures, installation),
        "sends": lambda: measure_sends(figures, installation, endpoint, seconds=chosen.seconds),
        "channels": lambda: measure_channels(
            figures, installation, endpoint, seconds=chosen.seconds
        ),
        "domain": lambda: measure_domain(figures, installation),
        "logs": lambda: measure_log_query(figures, installation),
        "resources": measure_resources,
        "growth": lambda: measure_memory_growth(
            figures, installation, endpoint, sends=chosen.sends
        ),
    }


if __name__ == "__main__":
    main()
