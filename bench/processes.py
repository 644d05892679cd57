"""The runtime's processes of an installation, and the processor time that they use.

Processor time is what the rest of a busy machine disturbs least; it counts every thread of a
process, the just-in-time compiler's and the garbage collector's included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import psutil

from bench.load import LoadResult
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
    before = [seconds_of(process) for process in processes]
    work()
    spent = [
        Spent(process, seconds_of(process) - earlier)
        for process, earlier in zip(processes, before, strict=True)
        if process.is_running()
    ]
    if not spent:
        raise RuntimeError("no Python Worker ran through the measurement: see 'notifyctl logs'")
    return max(spent, key=lambda one: one.seconds)


Shares = dict[str, float]
"""Processor seconds by kind of process."""


def measure_shares(installation: Installation, work: Callable[[], object]) -> Shares:
    """Run ``work`` and tell what each kind of process of the local cloud spent meanwhile.

    Returns:
        Seconds of the Python Workers that ran through (``worker``), of the process with the
        databases (``store``), of the front (``edge``) and of the control plane (``control``).
    """
    processes = _kinds(installation)
    before = [seconds_of(process) for _, process in processes]
    work()
    spent: Shares = dict.fromkeys(("worker", "store", "edge", "control"), 0.0)
    for (kind, process), earlier in zip(processes, before, strict=True):
        if process.is_running():
            spent[kind] += seconds_of(process) - earlier
    return spent


def measure_load(
    installation: Installation, run: Callable[[], LoadResult]
) -> tuple[LoadResult, Shares]:
    """Run a load, and return what it showed and what each kind of process spent on it."""
    results: list[LoadResult] = []
    shares = measure_shares(installation, lambda: results.append(run()))
    return results[0], shares


def _kinds(installation: Installation) -> list[tuple[str, psutil.Process]]:
    workers = {process.pid for process in python_workers(installation)}
    cloud = psutil.Process(installation.ctl_json("local", "status")["pid"])
    found = [("control", cloud)]
    for process in cloud.children(recursive=True):
        kind = {"node": "edge", "workerd": "store"}.get(process.name())
        if process.pid in workers:
            found.append(("worker", process))
        elif kind is not None:
            found.append((kind, process))
    return found


def seconds_of(process: psutil.Process) -> float:
    """Return the processor time that a process has used, in all its threads."""
    times = process.cpu_times()
    return float(times.user + times.system)
