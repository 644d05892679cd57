"""What a Worker's process holds: all of it, the interpreter's part, and what is alive in V8's heap.

A process's size alone says little about a leak. V8 collects its old objects only when they have
become some times what was alive before, and the allocator keeps what was freed; both go on growing
for some ten thousand events and stay there (v8.dev/blog/trash-talk). So what a full collection
leaves is read from V8's own trace.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import psutil

TRACED = (
    "structuredLogging: true },",
    'structuredLogging: true },\n      v8Flags: ["--trace-gc"],',
)
"""What to replace in the runtime's config (`localcloud/host/capnp-text.mjs`), so that V8 tells."""
_COLLECTION = re.compile(r"^\[(\d+):(0x[0-9a-f]+)\].* Mark-Compact .*? -> ([\d.]+) \(")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4})")
_LINEAR_SPACE = 1 << 32
"""Addresses that V8 sets aside for a WebAssembly memory of 32 bits."""


def megabytes(process: psutil.Process) -> float:
    """Proportional set size in MB; 0 where the process has just ended."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    [line] = [line for line in text.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) / 1024


def interpreter_megabytes(process: psutil.Process) -> float:
    """The interpreter's linear memory in MB, which only grows; 0 where there is none.

    It is the writable beginning of a reservation of 4 GiB.
    """
    try:
        text = Path(f"/proc/{process.pid}/maps").read_text()
    except OSError:
        return 0.0
    found = 0
    before = (0, 0)
    for line in text.splitlines():
        match = _MAPPING.match(line)
        if match is None:
            continue
        start, end = int(match[1], 16), int(match[2], 16)
        if match[3] == "---p" and before[1] == start and end - before[0] == _LINEAR_SPACE:
            found += before[1] - before[0]
        before = (start, end) if match[3] == "rw-p" else (0, 0)
    return found / 2**20


class CollectionTrace:
    """Follows the Workers' log, which is rotated, for what full collections left.

    Args:
        logs: the local cloud's folder of logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._read: dict[int, int] = {}
        self._left: defaultdict[str, list[float]] = defaultdict(list)

    def collections(self) -> list[float]:
        """MB alive after each full collection so far, oldest first, of the isolate that has most.

        The Worker's isolate holds the interpreter; those beside it in the process are small.
        """
        for file in (self._logs / "worker.log.1", self._logs / "worker.log"):
            if file.is_file():
                self._follow(file)
        return list(max(self._left.values(), key=max, default=[]))

    def _follow(self, file: Path) -> None:
        number = file.stat().st_ino
        with file.open("rb") as log:
            log.seek(self._read.get(number, 0))
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._read[number] = self._read.get(number, 0) + len(line)
                if b"Mark-Compact" in line:
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message = str(json.loads(line)["message"])
        except (ValueError, KeyError):
            return  # cut off by a kill
        if match := _COLLECTION.match(message):
            self._left[f"{match[1]}:{match[2]}"].append(float(match[3]))
