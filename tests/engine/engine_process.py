"""Runs ``up`` (or the operation named) in a process of its own, so that a test can kill it."""

import sys
from pathlib import Path

from localcloud.engine import EmbeddedEngine
from tests.engine.fake_cloudflare import TOKEN
from tests.engine.workspace import PASSPHRASE


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
