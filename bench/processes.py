"""The runtime's processes of an installation, and the processor time that they use.

Processor time is what the rest of a busy machine disturbs least; it counts every thread of a
process, the just-in-time compiler's and the garbage collector's included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import psutil

from tests.installation import Installation

_PYTHON_WORKER = "--pyodide-bundle-disk-cache-dir="


class Spent(NamedTuple):
    """The Python Worker's process that worked most, and its processor time in seconds."""

    process: psutil.Process
    seconds: float


def python_workers(installation: Installation) -> list[psutil.Process]:
    """Return the processes that run a version of a Python Worker, one each."""
    cloud = psutil.Process(installation.ctl_json("local", "status")["pid"])
    return [
        process
        for process in cloud.children(recursive=True)
        if process.name() == "workerd"
        and any(argument.startswith(_PYTHON_WORKER) for argument in process.cmdline())
    ]


def measure_cpu(installation: Installation, work: Callable[[], object]) -> Spent:
    """Run ``work`` and tell which Python Worker's process spent most processor time on it.

    Raises:
        RuntimeError: no Python Worker runs, or none lived through ``work``.
    """
    processes = python_workers(installation)
    before = [_seconds(process) for process in processes]
    work()
    spent = [
        Spent(process, _seconds(process) - earlier)
        for process, earlier in zip(processes, before, strict=True)
        if process.is_running()
    ]
    if not spent:
        raise RuntimeError("no Python Worker ran through the measurement: see 'notifyctl logs'")
    return max(spent, key=lambda one: one.seconds)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
