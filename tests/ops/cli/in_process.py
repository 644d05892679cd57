"""Commands that run in the test's own process, with what they work with replaced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.cli.main import COMMANDS, command_line
from tests.installation import ROOT
from tests.ops.contexts import context_of


class Commands:
    """Runs commands of ``notifyctl``.

    Attributes:
        opened: the stacks that commands have opened.
        context: what the next command gets for its stack.
    """

    def __init__(self, patch: pytest.MonkeyPatch, home: Path) -> None:
        self._patch = patch
        self.opened: list[str] = []
        self.context: Any = context_of(ROOT, home=home, environment={"PATH": ""})

    def replace(self, module: str, **others: Any) -> None:
        """Put something else in the place of names that a command's module has imported."""
        for name, other in others.items():
            self._patch.setattr(f"ops.cli.commands.{module}.{name}", other)

    def on_a_terminal(self, module: str) -> None:
        """Let a command's module believe that somebody can answer."""
        terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
        self._patch.setattr(f"{module}.sys", terminal)

    def run(
        self, *arguments: str, typed: str = "", environment: Mapping[str, str] | None = None
    ) -> Result:
        """Run a command; its stack is `context`, whatever its name.

        Args:
            arguments: what follows ``notifyctl``.
            typed: what is typed meanwhile.
            environment: the process's variables, as the command finds them.
        """
        module = COMMANDS[arguments[0]].partition(":")[0]

        def open_stack(_run: Any, stack: str, reporter: Any = None) -> Any:
            self.opened.append(stack)
            if reporter is not None and hasattr(self.context, "reporter"):
                object.__setattr__(self.context, "reporter", reporter)
            return self.context

        places = {f"ops.cli.commands.{module}"}
        if module == "db":
            places = {
                f"ops.cli.commands.db.{part}"
                for part in ("backups", "inspection", "schema", "test_data")
            }
        for place in places:
            self._patch.setattr(f"{place}.open_stack", open_stack, raising=False)
        for name, value in (environment or {}).items():
            self._patch.setenv(name, value)
        return CliRunner().invoke(command_line([arguments[0]]), list(arguments), input=typed)


def failed_with(result: Result, kind: type[Exception]) -> str:
    """Return the message of the error that a command ended with."""
    assert isinstance(result.exception, kind), result.exception or result.output
    return str(result.exception)
