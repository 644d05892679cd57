"""Processes of ``notifyctl`` that are forked from one that has imported everything.

A command spends most of its processor time on its imports. `start` gives it a process of its own
all the same: its own arguments, variables, folder, streams, signals and exit code, and a child of
the test's process. What is told to the interpreter itself (``PYTHONPATH`` and the like, a locale)
can't be told to a fork: such a command is started as usual. So is each one off Linux, of a project
whose code has changed meanwhile, and the first ones of a project, which wouldn't pay for the rest.

The engine's children of a forked command, its program and its dynamic providers, are forked too:
from a process that the command leaves aside before it has any threads.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
NOTIFYCTL = ROOT / ".venv" / "bin" / "notifyctl"
_OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG", "MALLOC_", "LD_")
_CODE = ("cron", "d1", "engine", "infra", "localcloud", "ops")
_STARTED_AS_USUAL = 2
_LONGEST_ORDER = 512 * 1024
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


def start(
    arguments: Sequence[str],
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str],
    stdin: int | None = None,
    stdout: int = subprocess.PIPE,
    inside: Sequence[str] = (),
) -> subprocess.Popen[str]:
    """Start ``notifyctl`` with pipes of text for what it says.

    Args:
        arguments: what follows the program's name.
        folder: where it runs.
        environment: all of its variables.
        stdin: a descriptor, in place of the test's own input.
        stdout: a descriptor, in place of a pipe.
        inside: a command that runs another one elsewhere, such as in a network of its own; the
            same for all commands of a project.
    """
    with _STARTING:
        forks = _servers.setdefault(os.getpid(), _Servers()).have(environment, inside)
    command = [str(NOTIFYCTL), *arguments]
    chosen = _Forked if forks else subprocess.Popen
    return chosen(
        command if forks else [*inside, *command],
        cwd=folder,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    arguments: Sequence[str],
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    limit: float = 240,
) -> subprocess.CompletedProcess[str]:
    """Run ``notifyctl`` to its end, whatever its exit code.

    Args:
        arguments: what follows the program's name.
        folder: where it runs.
        environment: all of its variables; without any, the test's own.
        limit: seconds after which it is taken for hung.
    """
    if environment is None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = start(arguments, folder=folder, environment=environment)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class _Server:
    """The process that a project's commands are forked from."""

    def __init__(self, environment: Mapping[str, str], inside: Sequence[str]) -> None:
        self.kind = _kind(environment)
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [*inside, sys.executable, "-P", __file__, str(theirs.fileno())],
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        atexit.register(self.close)

    def fork(self, order: dict[str, Any], streams: Sequence[int]) -> int:
        """Have a command forked; it becomes this process's child. Returns its process id."""
        return _order(self._ours, order, streams)

    def close(self) -> None:
        """End it; commands that still run stay."""
        self._ours.close()
        self._process.wait()


class _Servers:
    """Those of one process, by the folder of the project."""

    def __init__(self) -> None:
        self._started: Counter[str] = Counter()
        self._running: dict[str, _Server] = {}

    def have(self, environment: Mapping[str, str], inside: Sequence[str]) -> bool:
        """Whether such a command can be forked; starts the server once it pays."""
        project = environment.get("PYTHONPATH", "")
        if sys.platform != "linux" or not Path(project, "ops", "cli").is_dir():
            return False
        self._started[project] += 1
        if self._started[project] <= _STARTED_AS_USUAL:
            return False
        if project not in self._running:
            self._running[project] = _Server(environment, inside)
        return self._running[project].kind == _kind(environment)

    def of(self, environment: Mapping[str, str]) -> _Server:
        """The one that `have` has found or started."""
        return self._running[environment["PYTHONPATH"]]


_STARTING = threading.Lock()
_servers: dict[int, _Servers] = {}
"""By process id: a fork of the test's own process has no use for its parent's."""


def _kind(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, int]]:
    """What all commands of a server have in common: the interpreter's variables and the code."""
    project = Path(environment["PYTHONPATH"])
    files = (file for folder in _CODE for file in (project / folder).rglob("*.py"))
    code = {str(file): file.stat().st_mtime_ns for file in files}
    return _told_to_the_interpreter(environment), code


def _told_to_the_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if name.startswith(_OF_THE_INTERPRETER)
    }


def _order(server: socket.socket, order: dict[str, Any], streams: Sequence[int]) -> int:
    message = json.dumps(order).encode()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _LONGEST_ORDER)
    # Only meanwhile: daemons that commands leave behind belong to init, as ever.
    _be_subreaper(True)
    try:
        socket.send_fds(server, [message], list(streams))
        answer = server.recv(64)
    finally:
        _be_subreaper(False)
    if not answer:
        raise OSError("the process that others are forked from has ended")
    return int(answer)


def _be_subreaper(wanted: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, int(wanted), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class _Forked(subprocess.Popen[str]):
    """A process that isn't executed but forked; everything else is `subprocess.Popen`'s."""

    def _execute_child(  # type: ignore[no-untyped-def]
        self,
        args,
        executable,
        preexec_fn,
        close_fds,
        pass_fds,
        cwd,
        env,
        startupinfo,
        creationflags,
        shell,
        p2cread,
        p2cwrite,
        c2pread,
        c2pwrite,
        errread,
        errwrite,
        *rest,
    ) -> None:
        order = {"arguments": list(args), "folder": str(cwd), "environment": dict(env)}
        with _STARTING:
            self.pid = self._fork(order, (max(p2cread, 0), c2pwrite, errwrite))
        self._child_created = True
        # As in the original: what was handed to the constructor stays its owner's to close.
        for pipe, ours in ((p2cwrite, p2cread), (c2pread, c2pwrite), (errread, errwrite)):
            if pipe != -1:
                os.close(ours)
        self._devnull = None

    def _fork(self, order: dict[str, Any], streams: Sequence[int]) -> int:
        return _servers[os.getpid()].of(order["environment"]).fork(order, streams)


class _ForkedChild(_Forked):
    """A Python script that the engine starts in a session of its own."""

    zygote: socket.socket

    def _fork(self, order: dict[str, Any], streams: Sequence[int]) -> int:
        _, *options, script = order["arguments"]
        assert options == ["-P", "-u"]
        return _order(self.zygote, {**order, "arguments": [script], "is_script": True}, streams)

    @classmethod
    def start(cls, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Start it, forked where nothing differs that only a new interpreter would take in."""
        told = _told_to_the_interpreter(options["env"])
        same = told == _told_to_the_interpreter(os.environ)
        return (cls if same else subprocess.Popen)(command, **options)


def _serve(orders: socket.socket) -> dict[str, Any]:
    """Fork a process for each order, and return the order in it. Ends with whoever orders."""
    while True:
        message, streams, _, _ = socket.recv_fds(orders, _LONGEST_ORDER, 3)
        if not message:
            os._exit(0)
        told, tells = os.pipe()
        between = os.fork()
        if between == 0:
            # The process between ends at once, which gives the other one to whoever ordered it.
            ordered = os.fork()
            if ordered == 0:
                os.close(told)
                os.close(tells)
                orders.close()
                order: dict[str, Any] = json.loads(message)
                if not order.get("is_script"):
                    _leave_a_zygote(streams)
                _become(order, streams)
                return order
            os.write(tells, str(ordered).encode())
            os._exit(0)
        os.waitpid(between, 0)
        orders.send(os.read(told, 64))
        for stream in (told, tells, *streams):
            os.close(stream)


def _leave_a_zygote(streams: Sequence[int]) -> None:
    """Fork the process that the engine's children are forked from; it ends with this one."""
    from engine import child_process

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        theirs.close()
        _ForkedChild.zygote = ours
        # It is the class's place where the engine looks for what starts a process.
        setattr(child_process, "Popen", _ForkedChild.start)  # noqa: B010
        return
    ours.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2, *streams):
        os.dup2(nothing, number)
    order = _serve(theirs)
    _run_script(order["arguments"][0])


def _run_script(path: str) -> NoReturn:
    runpy.run_path(path, run_name="__main__")
    _end(0)


def _become(order: dict[str, Any], streams: Sequence[int]) -> None:
    """Be the ordered process: everything that isn't the same in each of them."""
    if order.get("is_script"):
        os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = order["arguments"]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    through = "PYTHONUNBUFFERED" in os.environ or "is_script" in order
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 the process's own
    sys.stdout = _writer(1, through)
    sys.stderr = _writer(2, through)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _writer(number: int, through: bool) -> io.TextIOWrapper:
    raw = io.FileIO(number, "w", closefd=False)
    errors = "backslashreplace" if number == 2 else "strict"
    return io.TextIOWrapper(
        raw if through else io.BufferedWriter(raw),
        encoding="utf-8",
        errors=errors,
        line_buffering=number == 2 or raw.isatty(),
        write_through=through,
    )


def _end(code: int) -> NoReturn:
    """End as the interpreter does, without taking every module apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = 120
    try:
        sys.stderr.flush()
    finally:
        os._exit(code)


def main() -> None:
    """Import all commands, then be forked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cloudflare  # noqa: F401 imported by commands as they run

    from infra.lazy_package import LazyPackage
    from ops.cli.main import COMMANDS, command_line, run

    command_line(COMMANDS)
    for package in ("pulumi_cloudflare", "pulumi_github"):
        LazyPackage.install(package)
    import pulumi.dynamic  # noqa: F401 with the next, what the engine's children import

    import infra.program  # noqa: F401

    orders = socket.socket(fileno=int(sys.argv[1]))
    gc.collect()
    gc.freeze()
    _serve(orders)
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    _end(code)


if __name__ == "__main__":
    main()
