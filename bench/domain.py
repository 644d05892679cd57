"""Template rendering, signature checks and imports, each alone and inside the runtime.

A Worker of the benchmark's own carries the service's modules unchanged and runs one of them as
often as it is told (`bench/domain_worker`). Time doesn't pass inside the runtime while a Worker
computes, so the processor time of its process is read from outside, before and after; what one
call costs by itself is taken off by measuring a small count, too.

An import starts from the modules that the runtime and the SDK have loaded anyway: everything that
came after is dropped, standard library included, and imported and compiled anew, as in a starting
isolate without a snapshot.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import httpx

from bench.figures import Figures
from bench.processes import measure_cpu
from bench.side_worker import SideWorker
from tests.installation import ROOT, Installation

NAME = "bench-domain"
ROUNDS = 5
RENDERINGS = 4_000
CHECKS = 20_000
IMPORTS = 4


def measure_domain(figures: Figures, installation: Installation) -> None:
    """Deploy the Worker, and report all four figures."""
    worker = SideWorker(installation, NAME)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sources = Path(folder) / "src"
        shutil.copytree(ROOT / "worker" / "src", sources)
        shutil.copy(Path(__file__).parent / "domain_worker" / "entry.py", sources)
        worker.deploy(sources, [])
    probe = _Probe(installation, worker.host)
    note = "a second of processor time, in workerd"
    seconds = probe.seconds_each("render", RENDERINGS, expect="The Shop &amp; Sons")
    text = f"{note}: 13 placeholders, one loop"
    figures.rounds("template renderings", [1 / each for each in seconds], "/s", text)
    seconds = probe.seconds_each("verify", CHECKS, expect="accepted")
    text = f"{note}: version 2, body of 108 bytes"
    figures.rounds("signature checks", [1 / each for each in seconds], "/s", text)
    note = f"processor time in workerd, each the mean of {IMPORTS}"
    for what, goal in (("start", "goal: at most 120"), ("every", "routes and tasks included")):
        seconds = probe.seconds_each(f"import/{what}", IMPORTS)
        milliseconds = [each * 1000 for each in seconds]
        figures.rounds(f"import, {what}", milliseconds, "ms", f"{goal}; {note}")


class _Probe:
    def __init__(self, installation: Installation, host: str) -> None:
        self._installation = installation
        self._url = installation.outputs()["service_url"]
        self._host = host

    def seconds_each(self, what: str, count: int, *, expect: str = "") -> list[float]:
        """Each round's processor seconds of one time, from ``count`` + 1 times less one time."""
        self._call(what, max(count // 10, 1), expect)
        rounds = []
        for _ in range(ROUNDS):
            once, often = (
                measure_cpu(self._installation, partial(self._call, what, times, expect)).seconds
                for times in (1, count + 1)
            )
            rounds.append((often - once) / count)
        return rounds

    def _call(self, what: str, count: int, expect: str) -> None:
        answer = httpx.get(
            f"{self._url}/{what}/{count}",
            headers={"Host": self._host},
            timeout=120,
            trust_env=False,
        )
        if answer.status_code != 200 or expect not in answer.text:
            raise RuntimeError(f"{what} answered {answer.status_code}: {answer.text[:200]}")
