"""What a stack's operations take on the local cloud, and how much of it is imports of the SDKs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.figures import Figures
from tests.installation import ROOT, Installation

RUNS = 3
LEVELS = ("warn", "error", "debug")
"""Levels of the log, each of which makes another release to go back from."""
IMPORTS = "import pulumi, pulumi_cloudflare"
PROGRAM = (
    "from infra.lazy_package import LazyPackage as p; "
    "p.install('pulumi_cloudflare'); p.install('pulumi_github'); import infra.program"
)


def measure_stack_operations(figures: Figures, folder: Path) -> None:
    """Full up, preview and up without a change, a rollback, and destroy, as whole commands.

    The imports are measured in between, so that a slow moment of the machine meets both.
    """
    installation = Installation(folder / "operations")
    installation.environment["NOTIFYCTL_POST_MORTEMS"] = str(folder / "reviews")
    try:
        installation.ctl("local", "start")
        _report(figures, "full up", [_seconds(installation, "up", "--skip-verify")])
        imports, program, previews, ups = [], [], [], []
        for _ in range(RUNS):
            imports.append(_python_seconds(IMPORTS))
            program.append(_python_seconds(PROGRAM))
            previews.append(_seconds(installation, "preview", "--expect-no-changes"))
            ups.append(_seconds(installation, "up", "--skip-verify"))
        _report(figures, "preview, no change", previews)
        _report(figures, "up, no change", ups)
        _report(figures, "importing the SDKs whole", imports)
        _report(figures, "importing the program as an update does", program)
        shares = [importing / whole for importing, whole in zip(program, ups, strict=True)]
        figures.rounds("share of the program's imports in a no-change up", shares, "ratio")
        _measure_rollbacks(figures, installation)
        _report(figures, "destroy", [_seconds(installation, "destroy", "--yes")])
    finally:
        installation.close()


def _measure_rollbacks(figures: Figures, installation: Installation) -> None:
    """From the start of the command to the old version's first answer, as a client sees it."""
    good = installation.up()["version_id"]
    answers, wholes = [], []
    for level in LEVELS:
        installation.configure({"logLevel": level})
        installation.up()
        started = time.monotonic()
        process = installation.start("rollback", "--stack", "local", "--yes", "--no-commit")
        try:
            while _answering(installation) != good:
                if process.poll() not in (None, 0):
                    raise RuntimeError("notifyctl rollback failed")
                time.sleep(0.05)
            answers.append(time.monotonic() - started)
        finally:
            process.communicate()
        wholes.append(time.monotonic() - started)
    note = "goal: at most 10; from the command's start to the old version's first answer"
    figures.rounds("rollback, old version answers", answers, "s", note)
    figures.rounds("rollback, whole command", wholes, "s", "state, verified, told")


def _answering(installation: Installation) -> str:
    """Return the version that answers at the edge; empty where none does just now."""
    try:
        answer = httpx.get(f"{installation.edge_url}/api/health", trust_env=False, timeout=30)
        return str(answer.json()["deployment"]["version_id"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return ""


def _report(figures: Figures, name: str, seconds: Sequence[float]) -> None:
    figures.rounds(name, seconds, "s", "whole command")


def _seconds(installation: Installation, *arguments: str) -> float:
    started = time.monotonic()
    result = installation.ctl(*arguments, "--stack", "local")
    if result.returncode != 0:
        raise RuntimeError(f"notifyctl {arguments[0]} failed: {result.stderr[-300:]}")
    return time.monotonic() - started


def _python_seconds(code: str) -> float:
    started = time.monotonic()
    python = str(ROOT / ".venv" / "bin" / "python")
    subprocess.run([python, "-c", code], check=True, cwd=ROOT)
    return time.monotonic() - started
