"""What a `pulumi up` that changes nothing costs, against what importing the SDKs alone costs."""

from __future__ import annotations

import subprocess
import time

from bench.figures import Figures
from tests.installation import ROOT, Installation

RUNS = 5
IMPORTS = "import pulumi, pulumi_cloudflare"


def measure_no_change_up(figures: Figures, installation: Installation) -> None:
    """Interleave both, so that a slow moment of the machine meets both."""
    operations, imports = [], []
    for _ in range(RUNS):
        operations.append(_operation_seconds(installation))
        imports.append(_import_seconds())
    figures.rounds("engine up, no change", operations, "s", "in the process")
    figures.rounds("importing pulumi and pulumi_cloudflare", imports, "s")
    ratios = [
        operation / importing for operation, importing in zip(operations, imports, strict=True)
    ]
    figures.rounds("no-change up / imports", ratios, "ratio", "goal: at most 1.5")


def _operation_seconds(installation: Installation) -> float:
    report = installation.ctl_json("up", "--stack", "local", "--skip-verify")
    if report["changed"]:
        raise RuntimeError("the stack changed while a no-change up was measured")
    return float(report["engine_seconds"])


def _import_seconds() -> float:
    started = time.monotonic()
    subprocess.run([str(ROOT / ".venv" / "bin" / "python"), "-c", IMPORTS], check=True)
    return time.monotonic() - started
