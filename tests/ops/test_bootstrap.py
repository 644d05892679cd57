"""The set-up script's refusals, on machines that lack something (their tools are stand-ins)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    *("sh", "dirname", "cat", "cksum", "df", "awk", "mktemp", "mkdir", "rm"),
    *("ln", "cp", "readlink", "chmod"),
)


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
            "package.json",
            "package-lock.json",
            ".npmrc",
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

    def bootstrap(
        self, *, path: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the script with a PATH and environment of its own."""
        home = self.checkout.parent / "user"
        home.mkdir(exist_ok=True)
        return subprocess.run(
            [str(self.checkout / "scripts" / "bootstrap")],
            env={
                "PATH": path or str(self.bin),
                "HOME": str(home),
                "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108 mktemp's own default
                **environment,
            },
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
    assert "this machine has Python 3.9.2." in message


def test_a_machine_without_python_is_told_so(machine: Machine) -> None:
    (machine.bin / "python3.11").unlink()

    message = refusal(machine)
    assert "Python 3.11, 3.12 or 3.13 is needed" in message
    assert "this machine has no python3." in message
    assert "not found" not in message


def test_a_full_disk_is_said_before_anything_is_installed(machine: Machine) -> None:
    (machine.bin / "df").unlink()
    machine.add("df", "echo header; echo /dev/x 100 90 10240 90% /")

    message = refusal(machine)
    assert "900 MiB of free disk" in message
    assert "has 10 MiB" in message


def lacking(machine: Machine, *modules: str) -> str:
    machine.add(
        "python3.11",
        f'case "$2" in *print\\(\\*sys*) echo 3 11 /usr ;; *ensurepip*) printf "%s " '
        f"{' '.join(modules)} ;; esac",
    )
    message = refusal(machine)
    assert not (machine.checkout / "build" / "installations").exists()
    return message


def test_a_python_without_ensurepip_is_told_before_anything_is_installed_with_its_package(
    machine: Machine,
) -> None:
    message = lacking(machine, "ensurepip")
    assert "can't make virtual environments" in message
    assert "'apt-get install python3.11-venv'" in message


def test_a_python_that_was_built_without_a_part_is_told_before_anything_is_installed(
    machine: Machine,
) -> None:
    message = lacking(machine, "ssl", "sqlite3")
    assert "python3.11 was built without ssl sqlite3. Name another Python" in message


def test_the_search_for_missing_parts_is_python_that_runs(tmp_path: Path) -> None:
    script = (ROOT / "scripts" / "bootstrap").read_text("utf-8")
    asked = script.partition('lacks=$("$python" -c \'')[2].partition("')\n")[0]
    (tmp_path / "ssl.py").write_text("raise ImportError\n")
    for folder, found in ((tmp_path, "ssl "), (tmp_path / "none", "")):
        done = subprocess.run(
            [sys.executable, "-S", "-c", asked],
            env={"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == found


@pytest.fixture
def installable(machine: Machine) -> Machine:
    """A machine on which everything can be installed; ``calls`` lists the runs of npm."""
    calls = machine.checkout / "calls"
    machine.add("npm", f'echo "npm cache=$npm_config_cache" >> {calls}; mkdir -p node_modules')
    machine.add(
        "python3.11",
        'case "$2" in *print\\(\\*sys*) echo 3 11 /usr; exit 0 ;; esac; [ "$2" = venv ] || exit 0; '
        'mkdir -p "$3/bin"; printf "#!/bin/sh\\nexit 0\\n" > "$3/bin/python"; '
        'chmod +x "$3/bin/python"',
    )
    return machine


def installed(machine: Machine) -> list[str]:
    """The names of the installations that are there."""
    folder = machine.checkout / "build" / "installations"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def current(machine: Machine) -> str:
    """The installation that the project uses."""
    return (machine.checkout / ".venv").resolve().parent.name


def test_what_is_installed_already_is_not_installed_again(installable: Machine) -> None:
    first, second = installable.bootstrap(), installable.bootstrap()

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert len((installable.checkout / "calls").read_text().splitlines()) == 1
    assert second.stdout == ""


def test_the_projects_own_python_on_the_path_makes_no_other_installation(
    installable: Machine,
) -> None:
    installable.bootstrap()
    before = installed(installable)
    own = installable.checkout / ".venv" / "bin"
    shutil.copy(installable.bin / "python3.11", own / "python3.11")

    again = installable.bootstrap(path=f"{own}{os.pathsep}{installable.bin}")

    assert (again.returncode, again.stdout) == (0, "")
    assert installed(installable) == before


def test_a_new_installation_leaves_the_one_in_use_where_it_is(installable: Machine) -> None:
    installable.bootstrap()
    first = current(installable)
    lock = installable.checkout / "requirements.lock"
    lock.write_text(lock.read_text() + "# another\n")
    installable.bootstrap()
    second = current(installable)
    assert second != first
    assert installed(installable) == sorted([first, second])
    lock.write_text(lock.read_text() + "# a third\n")
    installable.bootstrap()
    assert installed(installable) == sorted([second, current(installable)])


def test_an_installation_that_fails_changes_nothing_for_who_uses_the_one_before(
    installable: Machine,
) -> None:
    installable.bootstrap()
    before = current(installable)
    lock = installable.checkout / "requirements.lock"
    lock.write_text(lock.read_text() + "# another\n")
    installable.add("npm", "echo no registry; exit 1")

    result = installable.bootstrap()

    assert (result.returncode, "npm could not install" in result.stderr) == (1, True)
    assert "no registry" in result.stderr
    assert current(installable) == before


def test_folders_of_an_earlier_layout_give_way_to_links(installable: Machine) -> None:
    for name in (".venv", "node_modules", "build/python_modules"):
        (installable.checkout / name).mkdir(parents=True)
        (installable.checkout / name / "old").touch()

    assert installable.bootstrap().returncode == 0
    for name in (".venv", "node_modules", "build/python_modules"):
        assert (installable.checkout / name).is_symlink()
        assert not (installable.checkout / name / "old").exists()


def test_caches_lie_in_the_project_where_the_home_folder_cannot_be_written(
    installable: Machine,
) -> None:
    home = installable.checkout.parent / "home"
    home.touch()  # No folder can be made below a file, whoever asks.

    result = installable.bootstrap(HOME=str(home))

    assert result.returncode == 0, result.stderr
    assert "build/cache" in result.stdout
    cache = installable.checkout / "build" / "cache" / "npm"
    assert (installable.checkout / "calls").read_text() == f"npm cache={cache}\n"
