"""Runs ``up`` (or the operation named) in a process of its own, so that a test can kill it."""

import sys
from pathlib import Path

import psutil

from engine import EmbeddedEngine
from tests.engine.fake_cloudflare import TOKEN
from tests.engine.workspace import PASSPHRASE


def lives(process: psutil.Process) -> bool:
    """True for a process that is neither gone nor only waiting to be reaped."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def main(folder: str, operation: str = "up") -> None:
    engine = EmbeddedEngine(
        project_dir=Path(folder),
        backend_dir=Path(folder) / "state",
        stack="dev",
        config_file=Path(folder) / "Pulumi.dev.yaml",
        passphrase=PASSPHRASE,
        environment={"CLOUDFLARE_API_TOKEN": TOKEN},
    )
    getattr(engine, operation)()


if __name__ == "__main__":
    main(*sys.argv[1:])
