"""What removes data goes on only after the stack's name was typed."""

from __future__ import annotations

import io
import sys

import pytest
import typer

from ops.cli.confirmation import require_confirmation
from ops.stacks.errors import UsageError


class Terminal(io.StringIO):
    """A standard input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_stacks_name_on_the_command_line_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    require_confirmation("production", "All data goes", "production")


@pytest.mark.parametrize("typed", ["", "Production", "production ", "development"])
def test_another_text_is_refused_and_shown(typed: str) -> None:
    with pytest.raises(UsageError, match=rf"^'{typed}' isn't 'production': nothing was done\.$"):
        require_confirmation("production", "All data goes", typed)


def test_without_a_terminal_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("production\n"))
    with pytest.raises(UsageError, match=r"^All data goes: confirm it by --confirm-loss prod"):
        require_confirmation("production", "All data goes", None, option="--confirm-loss")


@pytest.mark.parametrize(("answer", "passes"), [("production", True), ("yes", False)])
def test_on_a_terminal_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, answer: str, passes: bool
) -> None:
    asked: list[tuple[str, bool]] = []

    def prompt(text: str, *, err: bool) -> str:
        asked.append((text, err))
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "prompt", prompt)
    if passes:
        require_confirmation("production", "All data goes", None)
    else:
        with pytest.raises(UsageError, match="'yes' isn't 'production'"):
            require_confirmation("production", "All data goes", None)
    # Standard output stays the document's.
    assert asked == [("All data goes. Type the stack's name", True)]
