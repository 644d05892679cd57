"""What `scripts/install-pulumi` finds or builds, on machines whose programs are stand-ins."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("sh", "dirname", "cksum", "sha256sum", "awk", "cut", "mkdir", "mv", "rm", "chmod")
GO = """\
echo "$@" >>"$HOME/go-calls"
while [ "$1" != -o ]; do shift; done
[ ! -e "$HOME/no-network" ] || { echo 'dial tcp: no such host' >&2; exit 1; }
printf built >"$2" && chmod +x "$2"
"""


class Machine:
    """A folder of programs that stands for a machine's PATH."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in NEEDED:
            if found := shutil.which(name):
                (self.bin / name).symlink_to(found)

    def add(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def install(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / "scripts" / "install-pulumi")],
            env={"PATH": str(self.bin), "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )

    def go_calls(self) -> list[str]:
        calls = self.home / "go-calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_cli_on_path_is_taken(machine: Machine) -> None:
    machine.add("pulumi", "exit 0")
    machine.add("go", GO)
    assert machine.install().stdout == f"{machine.bin}\n"
    assert machine.go_calls() == []


def test_without_go_nothing_is_printed_and_the_reason_is_told(machine: Machine) -> None:
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, "")
    assert "No Pulumi CLI and no Go" in done.stderr


def test_the_pinned_cli_is_built_once_and_told_its_version(machine: Machine) -> None:
    machine.add("go", GO)
    folder = Path(machine.install().stdout.strip())
    assert (folder / "pulumi").read_text() == "built"
    assert folder.is_relative_to(machine.home / ".cache" / "notification-system")
    [call] = machine.go_calls()
    assert "sdk/v3/go/common/version.Version=3." in call
    assert machine.install().stdout.strip() == str(folder)
    assert len(machine.go_calls()) == 1


def test_a_build_that_fails_leaves_nothing_that_looks_built(machine: Machine) -> None:
    machine.add("go", GO)
    (machine.home / "no-network").touch()
    done = machine.install()
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not build the Pulumi CLI" in done.stderr
    (machine.home / "no-network").unlink()
    assert machine.install().returncode == 0
