"""Load on one URL, made by autocannon."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class LoadResult:
    """What a load of some seconds showed.

    Attributes:
        per_second: answers a second, on average.
        p50: median latency, in whole ms (autocannon's histogram).
        p99: 99th percentile of the latency, in whole ms.
        answers: number of answers.
        failed: answers that weren't 2xx, and connections that broke.
    """

    per_second: float
    p50: float
    p99: float
    answers: int
    failed: int


def load(
    url: str,
    *,
    clients: int,
    body: str,
    headers: Mapping[str, str],
    seconds: int | None = None,
    amount: int | None = None,
) -> LoadResult:
    """POST the same ``body`` from ``clients`` connections, for ``seconds`` or ``amount`` times.

    Raises:
        RuntimeError: autocannon itself failed.
        ValueError: neither or both of ``seconds`` and ``amount`` are given.
    """
    if (seconds is None) == (amount is None):
        raise ValueError("give either seconds or amount")
    length = ("--duration", str(seconds)) if amount is None else ("--amount", str(amount))
    command = [
        str(ROOT / "node_modules" / ".bin" / "autocannon"),
        "--json",
        "--no-progress",
        *("--connections", str(clients)),
        *length,
        *("--method", "POST"),
        *("--body", body),
    ]
    for name, value in headers.items():
        command += ["--headers", f"{name}={value}"]
    done = subprocess.run(
        [*command, url],
        capture_output=True,
        text=True,
        check=False,
        timeout=600 if seconds is None else seconds + 60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"autocannon failed: {done.stderr.strip()[-300:]}")
    report = json.loads(done.stdout)
    total = int(report["requests"]["total"])
    return LoadResult(
        per_second=total / float(report["duration"]),
        p50=float(report["latency"]["p50"]),
        p99=float(report["latency"]["p99"]),
        answers=total,
        failed=int(report["non2xx"]) + int(report["errors"]) + int(report["timeouts"]),
    )
