"""A Python process that lives no longer than the engine.

The child's standard input is a pipe that only the engine holds. The child reads its settings from
it and then waits for its end in a thread: the kernel closes the pipe when the engine dies, however
it dies, and the child ends at once (``child_guard.py``). It runs in a session of its own, so that
a Ctrl-C in the terminal reaches the engine alone, which then ends its children in order.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Any

#: Credentials and endpoints of real services: a child gets those that it is given on purpose.
_NEVER_INHERITED = frozenset(
    {
        "CLOUDFLARE_API_TOKEN",
        "CLOUDFLARE_API_KEY",
        "CLOUDFLARE_API_USER_SERVICE_KEY",
        "CLOUDFLARE_EMAIL",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "PULUMI_ACCESS_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "NOTIFYCTL_BACKUP_PASSPHRASE",
    }
)


class ChildProcess:
    """One child, run by this engine's interpreter from a script beside this file."""

    def __init__(
        self,
        script: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str, str], None],
    ) -> None:
        """Start it. ``folder`` is its working directory; ``on_line`` gets each line of output and
        the stream's name (``stdout`` or ``stderr``) from a thread of its own.
        """
        inherited = {k: v for k, v in os.environ.items() if k not in _NEVER_INHERITED}
        # gRPC would send even calls to this machine through a proxy.
        direct = ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1,localhost")))
        command = [sys.executable, "-P", "-u", str(Path(__file__).with_name(script))]
        self._process = Popen(
            command,
            cwd=folder,
            env={**inherited, **environment, "GRPC_VERBOSITY": "ERROR", "no_proxy": direct},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(name, on_line), daemon=True)
            for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, settings: dict[str, Any]) -> None:
        """Hand the child its settings as one line of JSON. A child that is dead already is
        noticed by ``wait``.
        """
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(settings) + "\n")
                self._process.stdin.flush()

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float) -> int | None:
        """Wait up to ``timeout`` seconds; the exit code once all its output was handed on, None
        where it still runs.
        """
        try:
            code = self._process.wait(timeout)
        except TimeoutExpired:
            return None
        for reader in self._readers:
            # A grandchild may hold the pipe open; the child's own lines are there by then.
            reader.join(timeout=1)
        return code

    def end(self) -> None:
        """Kill it if it still runs, and reap it."""
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _read(self, name: str, on_line: Callable[[str, str], None]) -> None:
        stream = self._process.stdout if name == "stdout" else self._process.stderr
        for line in stream or ():
            on_line(line.rstrip("\n"), name)
