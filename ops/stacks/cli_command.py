"""Run the Pulumi CLI so that a Ctrl-C ends it in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import IO

import psutil
from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error

from ops.stacks.pulumi_cli import PulumiCli

_GRACE_SECONDS = 5.0
"""How long a plugin may take to end when it is asked to."""


class OrderlyCommand(PulumiCommand):
    """The automation API's command, which also waits for the CLI's own end.

    The CLI runs in a session of its own, so that a Ctrl-C in the terminal reaches this process
    alone. It is passed on once for each time: the CLI then finishes what runs, writes the state,
    ends its plugins and takes its lock away. Left to the API, this process would be gone before.

    Args:
        cli: which CLI.
        closed: give the CLI the variables that each run names and no others. The API hands on the
            whole environment of the process, which may hold credentials of a real account
            (``PulumiCommand.run`` of pulumi 3.272).
    """

    def __init__(self, cli: PulumiCli, *, closed: bool = False) -> None:
        super().__init__(str(cli.root) if cli.root else None)
        self._folder = cli.root / "bin" if cli.root else None
        self._inherited: Mapping[str, str] = {} if closed else os.environ

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run a command to its end.

        Raises:
            CommandError: it ended with another code than 0.
            KeyboardInterrupt: it was interrupted, and has ended.
            Exception: what a listener raised; the CLI has ended by then.
        """
        environment = {**self._inherited, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        if self._folder is not None:
            # The program asks the same CLI for the stack's state.
            folders = (str(self._folder), environment.get("PATH", ""))
            environment["PATH"] = os.pathsep.join(folder for folder in folders if folder)
        process = subprocess.Popen(
            [self.command, *([] if "--non-interactive" in args else ["--non-interactive"]), *args],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        out: list[str] = []
        err: list[str] = []
        failures: list[Exception] = []
        readers = [
            threading.Thread(target=_read, args=(process.stdout, on_output, out, failures)),
            threading.Thread(target=_read, args=(process.stderr, on_error, err, failures)),
        ]
        for reader in readers:
            reader.start()
        interrupted = _await_end(process)
        _end_orphans(process.pid)
        for reader in readers:
            reader.join()
        if interrupted:
            raise KeyboardInterrupt
        if failures:
            raise failures[0]
        result = CommandResult(
            stdout="\n".join(out), stderr="\n".join(err), code=process.returncode
        )
        if process.returncode != 0:
            raise create_command_error(result)
        return result


def _await_end(process: subprocess.Popen[str]) -> bool:
    """Return whether it was interrupted on the way."""
    interrupted = False
    while True:
        try:
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
        else:
            return interrupted


def _end_orphans(session: int) -> None:
    """End the plugins that a killed CLI left behind: they are all in its session.

    A CLI that ended by itself has ended them before.
    """
    if not hasattr(os, "getsid"):
        return
    left = [process for process in psutil.process_iter() if _session_of(process.pid) == session]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=_GRACE_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _read(
    stream: IO[str] | None,
    tell: Callable[[str], object] | None,
    lines: list[str],
    failures: list[Exception],
) -> None:
    """Read to the end, whatever the listener does: a full pipe would stop the CLI half way."""
    for line in stream or ():
        lines.append(line.rstrip())
        if tell is None or failures:
            continue
        try:
            tell(line.rstrip())
        except Exception as error:
            failures.append(error)
