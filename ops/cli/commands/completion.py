"""``notifyctl completion``: the tab key completes commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ops.cli.habits import completion_script
from ops.cli.printing import say


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell that reads it.")]) -> None:
    """Print the script that lets a shell complete commands and options.

    Example: source <(notifyctl completion bash)
    """
    say(completion_script(shell))
