"""A person who has nothing but a fresh clone: no environment, no rights, later no network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.docs.document import ROOT
from tests.eventually import eventually

UID = 12_345
"""A user that no machine has: nothing but what is everybody's is theirs."""
_SECONDS = 900
_CERTIFICATES = ("NODE_EXTRA_CA_CERTS", "PIP_CERT", "SSL_CERT_FILE")
"""Where this machine's own authority lies, if it has one: no setting of the person's."""


@dataclass(frozen=True)
class Told:
    """A command's end.

    Attributes:
        code: exit code.
        text: standard output and error.
    """

    code: int
    text: str


class Newcomer:
    """Runs commands in a clone of the last commit.

    It lies outside pytest's folder: each run that begins beside this one takes that folder away
    from other users.
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="newcomer-")
        folder = Path(self._folder.name)
        self.clone = folder / "clone"
        self.home = folder / "person"
        self._is_root = os.geteuid() == 0
        self._offline: subprocess.Popen[bytes] | None = None
        python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")
        if self._is_root and python is None:
            pytest.skip("another user finds no Python here")
        # Of hard links, the owner of the project's own files would change.
        subprocess.run(
            ["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(self.clone)], check=True
        )
        self.home.mkdir()
        if self._is_root:
            folder.chmod(0o755)
            subprocess.run(["chown", "-R", f"{UID}:{UID}", str(folder)], check=True)

    def go_offline(self) -> None:
        """From now on there is this machine and nothing else."""
        if not self._is_root:
            return  # Names of proxies that nobody serves have to do.
        self._offline = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        spaces = Path("/proc/self/ns/net"), Path(f"/proc/{self._offline.pid}/ns/net")
        eventually(lambda: spaces[0].readlink() != spaces[1].readlink(), what="a network alone")
        self._enter(["ip", "link", "set", "lo", "up"])

    def run(self, command: str, **more: str) -> Told:
        """Run a line of bash with a bare environment, as a user who isn't root."""
        environment = {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TERM": "dumb",
            **{name: os.environ[name] for name in _CERTIFICATES if name in os.environ},
            **more,
        }
        if self._offline is None and not self._is_root:
            environment["PATH"] = os.environ["PATH"]
        words = ["bash", "-c", f"cd '{self.clone}' && {command}"]
        if self._is_root:
            words = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *words]
        done = self._start(words, environment)
        return Told(done.returncode, done.stdout.decode(errors="replace"))

    def close(self) -> None:
        """End what runs, by the person's own command."""
        self.run(".venv/bin/notifyctl local stop")
        if self._offline is not None:
            self._offline.kill()
            self._offline.wait()
        self._folder.cleanup()

    def _enter(self, words: list[str]) -> None:
        assert self._offline is not None
        subprocess.run(["nsenter", f"--net=/proc/{self._offline.pid}/ns/net", *words], check=True)

    def _start(
        self, words: list[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        if self._offline is not None:
            words = ["nsenter", f"--net=/proc/{self._offline.pid}/ns/net", *words]
        # `env -i` would run as another program; an environment of its own is the same.
        return subprocess.run(
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
