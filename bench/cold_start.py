"""A Worker's start, up to its first answer, with and without its memory snapshot.

Each round deploys the service's own modules with one more that nobody has seen, so that no snapshot
fits, asks for `/health`, kills the process and asks again: the restart finds the snapshot that the
first start left.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from bench.figures import Figures
from bench.processes import python_workers, seconds_of
from bench.resources import deployed_version
from bench.side_worker import SideWorker
from tests.installation import ROOT, Installation

ROUNDS = 3
_PATIENCE_S = 120


def measure_cold_start(figures: Figures, installation: Installation) -> None:
    """Start a Worker anew and again, in turn."""
    walls: dict[str, list[float]] = {"without": [], "with": []}
    spent: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(ROUNDS):
        known = {process.pid for process in python_workers(installation)}
        host, began = _deploy(installation)
        process = _answering(installation, host, known)
        walls["without"].append(time.time() - began)
        spent["without"].append(seconds_of(process))
        began = time.time()
        process.kill()
        process = _answering(installation, host, {*known, process.pid})
        walls["with"].append(time.time() - began)
        spent["with"].append(seconds_of(process))
    for way in walls:
        note = "from the upload or the kill to the first answer"
        figures.rounds(f"cold start, {way} snapshot", walls[way], "s", note)
        figures.rounds(f"cold start, {way} snapshot, processor time", spent[way], "s")
    for name, values in (("cold start", walls), ("cold start, processor time", spent)):
        pairs = zip(values["with"], values["without"], strict=True)
        ratios = [short / long for short, long in pairs]
        figures.rounds(f"{name}, with / without snapshot", ratios, "ratio")


def _deploy(installation: Installation) -> tuple[str, float]:
    """Deploy a Worker of its own; return its Host header, and when that began."""
    unique = secrets.token_hex(6)
    worker = SideWorker(installation, f"bench-cold-{unique}")
    secret = secrets.token_hex(16)
    outputs = installation.outputs()
    version = deployed_version(installation)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sources = Path(folder) / "src"
        shutil.copytree(ROOT / "worker" / "src", sources)
        (sources / "unseen.py").write_text(f"NAME = {unique!r}\n")
        began = time.time()
        worker.deploy(
            sources,
            [
                {"name": "DB", "type": "d1", "id": outputs["d1_database_id"]},
                {"name": "ENVIRONMENT", "type": "plain_text", "text": "development"},
                {"name": "API_SECRET_KEY", "type": "secret_text", "text": secret},
                {"name": "ENCRYPT_KEY", "type": "secret_text", "text": secret},
            ],
            version["compatibility_flags"],
        )
    return worker.host, began


def _answering(installation: Installation, host: str, known: set[int]) -> psutil.Process:
    """Return the one Worker's process that isn't known, once it has answered."""
    url = f"{installation.outputs()['service_url']}/health"
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        fresh = [one for one in python_workers(installation) if one.pid not in known]
        try:
            answer = httpx.get(url, headers={"Host": host}, timeout=_PATIENCE_S, trust_env=False)
        except httpx.HTTPError:
            continue
        # What met the end of the killed process is answered with 502.
        if answer.status_code != 502 and len(fresh) == 1 and fresh[0].is_running():
            return fresh[0]
        time.sleep(0.02)
    raise RuntimeError(f"the Worker {host} doesn't answer: see 'notifyctl logs'")
