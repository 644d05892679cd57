"""Memory of the service's process over many sends.

The service's own `workerd` process is found by its processor time during a first load. Then its
proportional set size (`smaps_rollup`: shared pages count by share) is read each 5,000 sends. The
first reading comes after a warm-up of 20,000 sends: until about then V8 lets its heap grow before
it collects, and the interpreter's and the compiler's caches fill.
"""

from __future__ import annotations

from itertools import pairwise

import psutil

from bench.endpoint import Endpoint
from bench.figures import Figures
from bench.processes import measure_cpu
from bench.send_load import SendLoad
from tests.installation import Installation

FULL = 30_000
STEP = 5_000
WARM = 20_000
CLIENTS = 10


def measure_memory_growth(
    figures: Figures, installation: Installation, endpoint: Endpoint, *, sends: int
) -> None:
    """Send at least ``sends`` times in steps of 5,000, and report the readings and the growth.

    The growth is that of a step; were it anything but noise, its median would show it.

    Raises:
        RuntimeError: a send failed, or the process was replaced on the way.
    """
    load = SendLoad(installation, user="bench-memory", endpoint=endpoint.url)
    process = measure_cpu(installation, lambda: _send(load, WARM)).process
    readings = [_megabytes(process)]
    label = "" if sends >= FULL else f" (the full count is {FULL:,}, the default)"
    for _ in range(0, max(sends, STEP), STEP):
        _send(load, STEP)
        readings.append(_megabytes(process))
    count = f"{(len(readings) - 1) * STEP:,} sends{label}"
    note = f"from {WARM:,} sends on, each {STEP:,} of {count}"
    figures.rounds("memory of the service", readings, "MB", note)
    grown = [later - earlier for earlier, later in pairwise(readings)]
    figures.rounds(f"memory growth of the service, {STEP:,} sends", grown, "MB", "goal: flat")
    whole = readings[-1] - readings[0]
    figures.add("memory growth of the service", whole, "MB", f"over {count}; goal: flat")


def _send(load: SendLoad, sends: int) -> None:
    """Send in steps, since each load's signature holds for five minutes."""
    for _ in range(0, sends, STEP):
        result = load.run(clients=CLIENTS, amount=STEP)
        if result.failed:
            raise RuntimeError(f"{result.failed} of {STEP} sends failed")


def _megabytes(process: psutil.Process) -> float:
    if not process.is_running():
        raise RuntimeError("the service's process ended during the load: see 'notifyctl logs'")
    return float(process.memory_full_info().pss) / 1e6
