"""A network of a test's own, in which stacks that aren't local live their life on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import httpx
import pytest

from tests import forked_commands
from tests.closed_network.faults import door

ROOT = Path(__file__).resolve().parents[2]
_AS_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")
LIMIT = 400
"""Seconds after which a command is taken for hung."""


def missing() -> str:
    """Return why there can be no such network here; empty where there can."""
    for tool in ("unshare", "nsenter", "mount"):
        if shutil.which(tool) is None:
            return f"there is no {tool} on PATH"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", *_AS_ROOT, "true"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "this machine allows no network namespaces"


IN_A_CLOSED_NETWORK = (
    pytest.mark.workerd,
    pytest.mark.real_pulumi,
    pytest.mark.skipif(bool(reason := missing()), reason=reason or "it can be had"),
)
"""The marks of a test that runs in one."""


class ClosedNetwork:
    """Use it as a context manager; commands run inside by :meth:`run`.

    Args:
        folder: an empty folder for its files, among them ``ca.pem``.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate_file = folder / "ca.pem"

    def __enter__(self) -> ClosedNetwork:
        command = ["unshare", "--net", "--mount", *_AS_ROOT, sys.executable]
        self._world = subprocess.Popen(
            [*command, "-m", "tests.closed_network.world", str(self.folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._world.stdout is not None
        assert self._world.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._world.kill()
        self._world.wait()

    @property
    def account(self) -> httpx.Client:
        """A client of Cloudflare's API in there, by the door that leads in from outside."""
        transport = httpx.HTTPTransport(uds=str(door(self.folder)))
        return httpx.Client(
            base_url="http://api.cloudflare.com/client/v4", transport=transport, timeout=LIMIT
        )

    def inside(self, folder: Path) -> tuple[str, ...]:
        """Return what a command begins with that runs inside, in that folder."""
        users = ("--user", "--preserve-credentials") if _AS_ROOT else ()
        enter = ("nsenter", "--target", str(self._world.pid), "--net", "--mount", *users)
        return (*enter, f"--wd={folder}")

    def start(
        self, *command: str, environment: Mapping[str, str], folder: Path
    ) -> subprocess.Popen[str]:
        """Start a command inside; ``notifyctl`` as a fork that has its imports already."""
        inside = self.inside(folder)
        if command[0] == "notifyctl":
            return forked_commands.start(
                command[1:],
                folder=folder,
                environment={**environment, "PWD": str(folder)},
                stdin=subprocess.DEVNULL,
                inside=inside,
            )
        return subprocess.Popen(
            [*inside, *command],
            # The folder was opened outside: by its handle alone no program finds its name.
            env={**environment, "PWD": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *command: str, environment: Mapping[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end, whatever its exit code."""
        process = self.start(*command, environment=environment, folder=folder)
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
