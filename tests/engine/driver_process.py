"""Runs ``up`` by the driver of the real CLI in a process that a test can interrupt."""

import sys
from pathlib import Path

from ops.stacks.cli import CliDriver
from ops.stacks.cli_workspace import CliWorkspace
from tests.ops.contexts import context_of


def main(folder: str, config_file: str) -> None:
    context = context_of(Path(folder), "dev", file=Path(config_file))
    CliDriver(CliWorkspace.for_account(context)).up(lambda _: None, message="")


if __name__ == "__main__":
    main(*sys.argv[1:])
