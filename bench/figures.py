"""What was measured, and on which machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        value: the figure itself.
        unit: ``s``, ``ms``, ``/s``, ``MB``, ``ratio``, …
        note: how it was measured, or what it is to be compared with.
        rounds: what each round gave, where the figure is their median.
    """

    name: str
    value: float
    unit: str
    note: str = ""
    rounds: tuple[float, ...] = ()


class Figures:
    """Collects figures, prints each as it comes, and writes them to a file."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._machine = describe_machine()
        self._found: list[Figure] = []

    def add(self, name: str, value: float, unit: str, note: str = "") -> None:
        """Keep one figure and print it."""
        figure = Figure(name=name, value=round(value, 4), unit=unit, note=note)
        self._found.append(figure)
        self._console.print(f"  {name}: {figure.value:g} {unit}  [dim]{note}[/dim]", soft_wrap=True)

    def rounds(self, name: str, values: Sequence[float], unit: str, note: str = "") -> None:
        """Keep the median of several rounds, with what each of them gave, and print it."""
        spread = f"{min(values):.3g} to {max(values):.3g} in {len(values)} rounds"
        self.add(name, statistics.median(values), unit, f"{spread}; {note}" if note else spread)
        rounded = tuple(round(value, 4) for value in values)
        self._found[-1] = replace(self._found[-1], note=note, rounds=rounded)

    def print(self) -> None:
        """Print all of them as one table."""
        title = "{processor}, {cores} cores, {memory_gib} GiB, load {load_before}, {system}"
        columns = ("figure", "value", "unit", "rounds", "note")
        table = Table(*columns, box=None, title=title.format_map(self._machine))
        for figure in self._found:
            rounds = figure.rounds
            spread = f"{min(rounds):g} to {max(rounds):g}" if rounds else ""
            table.add_row(figure.name, f"{figure.value:g}", figure.unit, spread, figure.note)
        self._console.print(table)

    def write(self, path: Path) -> Path:
        """Write them as JSON, beside the machine's description.

        Returns:
            The folder beside ``path`` in which each run's file stays, by its time.
        """
        document = {
            "machine": {**self._machine, "load_after": _load()},
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "figures": [asdict(figure) for figure in self._found],
        }
        kept = path.with_suffix("")
        kept.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=2) + "\n"
        name = str(document["measured_at"]).replace(":", "").partition("+")[0]
        for file in (path, kept / f"{name}.json"):
            file.write_text(text, encoding="utf-8")
        return kept


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory and versions of the machine."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": _load(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "node": node.stdout.strip(),
    }


def _load() -> list[float]:
    return [round(value, 2) for value in os.getloadavg()]
