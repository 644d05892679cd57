"""How long `make up` takes: cold, warm, and with nothing to change."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from bench.figures import Figures
from tests.installation import ROOT, Installation

ROUNDS = 3


def measure_make_up(figures: Figures, folder: Path) -> None:
    """Clone the project into ``folder`` and time ``make up`` there as a new user would run it.

    Cold, once: nothing installed (the package clients' own caches stay). Warm: installed, the local
    cloud stopped. Running: no change, the local cloud running.

    Raises:
        RuntimeError: one of the runs failed; its output ends the message.
    """
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    installation = Installation(folder / "state", project=clone)
    try:
        figures.rounds("make up, cold", [_timed(clone, installation)], "s", "goal: at most 180")
        warm, running = [], []
        for _ in range(ROUNDS):
            _make("down", clone, installation)
            warm.append(_timed(clone, installation))
            running.append(_timed(clone, installation))
        figures.rounds("make up, warm", warm, "s", "goal: at most 20")
        figures.rounds("make up, running", running, "s", "0 changes")
    finally:
        _make("destroy", clone, installation)
        shutil.rmtree(clone, ignore_errors=True)


def _timed(clone: Path, installation: Installation) -> float:
    started = time.monotonic()
    _make("up", clone, installation)
    return time.monotonic() - started


def _make(target: str, clone: Path, installation: Installation) -> None:
    done = subprocess.run(
        ["make", target],
        cwd=clone,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise RuntimeError(f"'make {target}' failed: {(done.stdout + done.stderr)[-600:]}")
