"""A person's terminal in the closed network: pasted blocks, and what is typed at their prompts."""

from __future__ import annotations

import os
import re
import select
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.closed_network.operator import Operator, kill_all
from tests.pseudo_terminal import open_terminal

CTRL_C = "\x03"
_SECONDS = 400
"""After which a block is taken for hung."""
_TICK_SECONDS = 0.2
_LINES, _COLUMNS = 24, 200


@dataclass(frozen=True)
class Reply:
    """What the person types when the terminal shows something.

    Attributes:
        prompt: a regular expression for what is shown; empty for what has no prompt.
        text: without the line's end.
    """

    prompt: str
    text: str

    @property
    def keys(self) -> str:
        """What goes to the terminal: the key Enter is a carriage return."""
        return self.text if self.text == CTRL_C else f"{self.text}\r"


class Session:
    """One terminal from the first block to the last: what a block exports stays.

    Args:
        operator: whose checkout, state and network it is.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._exported = operator.network.folder / "exported"

    def paste(self, block: str, replies: Sequence[Reply] = ()) -> str:
        """Run a block to its end, where each command must end well, and return what was shown.

        Raises:
            AssertionError: a command failed, or a prompt that is replied to never came.
        """
        ours, theirs = open_terminal(lines=_LINES, columns=_COLUMNS)
        # By its name: the folder that nsenter opens is one of the outer mounts.
        enter = f"cd {shlex.quote(str(self._operator.project.root))}"
        script = f"{enter}\n{block}\nenv --null > {self._exported}\n"
        known = {**self._operator.plain_pulumi(), "TERM": "xterm", "NO_COLOR": "1"}
        folder = self._operator.project.root
        process = subprocess.Popen(
            # A terminal of its own, so that Ctrl-C reaches what runs on it.
            [
                *("setsid", "--ctty", "--wait"),
                *self._operator.network.inside(folder),
                *("bash", "-e", "-o", "pipefail", "-c", script),
            ],
            env={**known, "PWD": str(folder)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            text=True,
        )
        os.close(theirs)
        shown, left = _converse(ours, replies, lambda: process.poll() is not None)
        try:
            code = process.wait(_TICK_SECONDS * 50)
        except subprocess.TimeoutExpired:
            kill_all(process)
            raise AssertionError(f"no end of\n{block}\n{shown}") from None
        assert code == 0, f"exit code {code} of\n{block}\n{shown}"
        assert not left, f"{left[0].prompt!r} wasn't shown by\n{block}\n{shown}"
        self._take_exports(known)
        return shown

    def _take_exports(self, known: dict[str, str]) -> None:
        pairs = self._exported.read_bytes().decode().rstrip("\0").split("\0")
        after = dict(pair.split("=", 1) for pair in pairs)
        for name, value in after.items():
            if known.get(name) != value and name not in {"_", "SHLVL", "OLDPWD"}:
                self._operator.environment[name] = value


def _converse(
    ours: int, replies: Sequence[Reply], ended: Callable[[], bool]
) -> tuple[str, list[Reply]]:
    """Type each reply when its prompt is shown; return everything shown, and what wasn't typed.

    A local cloud that a command has started keeps the terminal open after the command's end.
    """
    left = list(replies)
    shown, unanswered = b"", b""
    until = time.monotonic() + _SECONDS
    while True:
        while left and re.search(left[0].prompt.encode(), unanswered):
            os.write(ours, left.pop(0).keys.encode())
            unanswered = b""
        over = ended()
        ready, _, _ = select.select([ours], [], [], 0 if over else _TICK_SECONDS)
        if not ready and not over and time.monotonic() < until:
            continue
        try:
            part = os.read(ours, 65536) if ready else b""
        except OSError:  # Linux tells the end of a terminal so.
            part = b""
        if not part:
            break
        shown += part
        unanswered += part
    os.close(ours)
    return shown.decode(errors="replace").replace("\r\n", "\n"), left
