"""A terminal of 80 columns and 24 lines, as on the laptop of the person on duty."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.pseudo_terminal import open_terminal, read_terminal

COLUMNS, LINES = 80, 24
_SECONDS = 600


@dataclass(frozen=True)
class Shown:
    """What a command left on the terminal.

    Attributes:
        command: as it was typed.
        code: its exit code.
        text: everything that it printed, standard error included.
    """

    command: str
    code: int
    text: str

    @property
    def first_screen(self) -> str:
        """The lines that are in sight when scrolled to the beginning; the prompt takes one."""
        rows = [
            line[at : at + COLUMNS]
            for line in self.text.splitlines()
            for at in range(0, max(len(line), 1), COLUMNS)
        ]
        return "\n".join(rows[: LINES - 1])

    def names(self, *causes: str) -> None:
        """Assert that the first screen names every cause, wherever a line ends."""
        flowing = "".join(self.first_screen.split())
        missing = [cause for cause in causes if "".join(cause.split()) not in flowing]
        assert not missing, f"{missing} isn't on the first screen of\n$ {self.command}\n{self.text}"


def typed(command: str, *, folder: Path, environment: Mapping[str, str], answer: str = "") -> Shown:
    """Run a line of bash on the terminal, to its end.

    Args:
        command: the line.
        folder: the working directory.
        environment: environment variables.
        answer: what the person types, line breaks included.
    """
    ours, theirs = open_terminal(lines=LINES, columns=COLUMNS)
    # A dumb terminal has no spinner that would have to be told from what stays.
    known = {**environment, "TERM": "dumb", "NO_COLOR": "1"}
    known.pop("COLUMNS", None)
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=known,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = read_terminal(ours)
    code = process.wait(timeout=_SECONDS)
    return Shown(command, code, shown)
