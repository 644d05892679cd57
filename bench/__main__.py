"""``make bench``: measure, print, and write ``build/bench.json``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from bench.engine_time import measure_no_change_up
from bench.figures import Figures
from bench.installing import measure_make_up
from bench.resources import measure_boot, measure_bundle, measure_memory, measure_storage
from bench.sends import measure_sends
from tests.installation import ROOT, Installation

PARTS = ("install", "engine", "sends", "resources")


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part; repeatable")
    parser.add_argument("--seconds", type=int, default=5, help="length of one load (default 5)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json")
    chosen = parser.parse_args()
    parts = chosen.only or PARTS
    console = Console(highlight=False)
    figures = Figures(console)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if "install" in parts:
            console.print("make up in a fresh clone")
            measure_make_up(figures, Path(folder))
        if set(parts) - {"install"}:
            _measure_installed(figures, Installation(Path(folder) / "stack"), parts, chosen.seconds)
    console.print()
    figures.print()
    figures.write(chosen.output)
    console.print(f"\nwritten to {chosen.output}")


def _measure_installed(
    figures: Figures, installation: Installation, parts: tuple[str, ...], seconds: int
) -> None:
    try:
        installation.up()
        if "engine" in parts:
            measure_no_change_up(figures, installation)
        if "sends" in parts:
            measure_sends(figures, installation, seconds=seconds)
        if "resources" in parts:
            measure_boot(figures, installation)
            measure_storage(figures, installation)
            measure_memory(figures, installation)
            measure_bundle(figures, ROOT / "dist" / "worker")
    finally:
        installation.close()


if __name__ == "__main__":
    main()
