"""The set-up script's refusals, on machines that lack something (their tools are stand-ins)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("sh", "dirname", "cat", "cksum", "df", "awk", "mktemp", "mkdir", "rm")


class Machine:
    """A folder of programs that stands for a machine's PATH, and a checkout with the script."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.checkout = folder / "checkout"
        for name in ("scripts", "sdk", "worker"):
            (self.checkout / name).mkdir(parents=True)
        for name in (
            "scripts/bootstrap",
            "requirements.lock",
            "package-lock.json",
            "pyproject.toml",
            "sdk/pyproject.toml",
            "worker/requirements.txt",
        ):
            shutil.copy(ROOT / name, self.checkout / name)
        for name in NEEDED:
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)

    def add(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.checkout / "scripts" / "bootstrap")],
            env={"PATH": str(self.bin), "TMPDIR": os.environ.get("TMPDIR", "/tmp")},  # noqa: S108 mktemp's own default
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    built = Machine(tmp_path)
    built.add("python3.11", "exit 0")
    built.add("node", 'case "$1" in -p) echo 20 ;; *) echo v20.20.2 ;; esac')
    built.add("npm", "exit 0")
    return built


def refusal(machine: Machine) -> str:
    result = machine.bootstrap()
    assert result.returncode == 1, result
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert not (machine.checkout / ".venv").exists()
    return lines[0]


def test_a_missing_node_is_one_clear_sentence(machine: Machine) -> None:
    (machine.bin / "node").unlink()

    assert "no 'node' on PATH" in refusal(machine)


def test_an_old_node_is_named_with_its_version(machine: Machine) -> None:
    machine.add("node", 'case "$1" in -p) echo 18 ;; *) echo v18.1.0 ;; esac')

    assert "'node' is v18.1.0" in refusal(machine)


def test_an_old_python_is_named_with_its_version(machine: Machine) -> None:
    (machine.bin / "python3.11").unlink()
    machine.add("python3", 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')

    message = refusal(machine)
    assert "Python 3.11, 3.12 or 3.13 is needed" in message
    assert "'Python 3.9.2'" in message


def test_a_machine_without_python_is_told_so(machine: Machine) -> None:
    (machine.bin / "python3.11").unlink()

    assert "Python 3.11, 3.12 or 3.13 is needed" in refusal(machine)


def test_a_full_disk_is_said_before_anything_is_installed(machine: Machine) -> None:
    (machine.bin / "df").unlink()
    machine.add("df", "echo header; echo /dev/x 100 90 10240 90% /")

    message = refusal(machine)
    assert "900 MiB of free disk" in message
    assert "has 10 MiB" in message


def test_what_is_installed_already_is_not_installed_again(machine: Machine) -> None:
    calls = machine.checkout / "calls"
    machine.add("npm", f"echo npm >> {calls}; exit 0")
    machine.add(
        "python3.11",
        '[ "$2" = venv ] || exit 0; mkdir -p .venv/bin; '
        "printf '#!/bin/sh\\nexit 0\\n' > .venv/bin/python; chmod +x .venv/bin/python",
    )
    chmod = shutil.which("chmod")
    assert chmod is not None
    (machine.bin / "chmod").symlink_to(chmod)

    first, second = machine.bootstrap(), machine.bootstrap()

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert calls.read_text() == "npm\n"
    assert second.stdout == ""
