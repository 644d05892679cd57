"""Whoever wants a command to end is heard once, and remembered."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

_LISTENS = """\
import signal, sys
from ops.stacks.interruption import Interruption
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may have started the tests
if sys.argv[2] == "ignored":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
heard = Interruption()
with heard.listening(hangup=sys.argv[1] == "hangup"):
    for number in map(int, sys.argv[3:]):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            print("ended", end=" ")
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.raise_signal(number)
print(heard.seen, heard.exit_code)
"""


@pytest.mark.parametrize(
    ("hangup", "interrupt", "signals", "said"),
    [
        ("stays", "heard", (), "False 130"),
        ("stays", "heard", (signal.SIGINT,), "ended True 130"),
        ("stays", "heard", (signal.SIGTERM, signal.SIGINT), "ended ended True 143"),
        ("stays", "heard", (signal.SIGHUP,), "False 130"),
        ("hangup", "heard", (signal.SIGHUP,), "ended True 129"),
        ("stays", "ignored", (signal.SIGINT,), "False 130"),
    ],
)
def test_each_signal_does_what_a_shell_expects(
    hangup: str, interrupt: str, signals: tuple[int, ...], said: str
) -> None:
    command = [sys.executable, "-c", _LISTENS, hangup, interrupt, *(str(int(n)) for n in signals)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said
