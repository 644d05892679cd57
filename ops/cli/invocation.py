"""How ``notifyctl`` was called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.stacks.interruption import Interruption

CONFIG_FILE_VARIABLE = "NOTIFYCTL_CONFIG_FILE"
"""Environment variable that names the stack's settings file, in place of Pulumi.STACK.yaml."""


@dataclass(frozen=True)
class Invocation:
    """How ``notifyctl`` was called: what holds for every command.

    Attributes:
        config_file: the settings file in place of the stack's own; ``None``: its own.
        environment: the process's environment variables, read once.
        interruption: who knows that the command was asked to end.
    """

    config_file: Path | None
    environment: Mapping[str, str] = field(repr=False)
    interruption: Interruption = field(default_factory=Interruption)
