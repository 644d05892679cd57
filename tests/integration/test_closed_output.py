"""Commands whose output nobody reads any more, and commands that are asked to end."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import LIMIT, NOTIFYCTL, Installation

pytestmark = pytest.mark.workerd

_CHANGES = itertools.cycle(["debug", "info"])


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose deployments these tests cut off."""
    folder = tmp_path_factory.mktemp("cut-off")
    with Installation.deployed(folder) as built:
        built.environment["NOTIFYCTL_BACKUPS"] = str(folder / "backups")
        yield built


def changed(own: Installation) -> None:
    """Change a setting, so that the next deployment makes a new version."""
    own.configure({"logLevel": next(_CHANGES)})


def read_lines(process: subprocess.Popen[str], count: int) -> None:
    """Read so many lines of output, and then no more: what ``head`` does."""
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline()
    process.stdout.close()


def read_until(process: subprocess.Popen[str], start: str) -> None:
    """Read output up to a line that starts so."""
    assert process.stdout is not None
    assert any(line.startswith(start) for line in process.stdout), f"no line with {start}"


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and what was said on standard error."""
    assert process.stderr is not None
    said = process.stderr.read()
    return process.wait(LIMIT), said


def locks(own: Installation) -> list[Path]:
    return list((own.home / "pulumi" / ".pulumi" / "locks").rglob("*.json"))


def expect_deployed(own: Installation) -> None:
    """Nothing is left to do, and the last update ended well."""
    assert own.ctl("preview", "--stack", "local", "--expect-no-changes").returncode == 0
    assert own.ctl_json("history", "--stack", "local")[0]["result"] == "succeeded"
    assert locks(own) == []


@pytest.mark.sample(1)
@pytest.mark.parametrize("lines", [1, 3])
def test_a_deployment_goes_on_when_its_output_is_closed(own: Installation, lines: int) -> None:
    changed(own)
    process = own.start("up", "--stack", "local")
    read_lines(process, lines)
    assert ended(process) == (0, "")
    expect_deployed(own)


def test_a_deployment_whose_output_is_closed_keeps_the_exit_code_of_a_failure(
    own: Installation,
) -> None:
    own.configure({"logLevel": "loud"})
    process = own.start("up", "--stack", "local")
    read_lines(process, 0)
    code, said = ended(process)
    assert code == 2
    assert "logLevel" in said
    changed(own)
    own.up()


def test_a_deployment_outlives_its_terminal(own: Installation) -> None:
    changed(own)
    process = own.start("up", "--stack", "local")
    read_until(process, "✓ Bundle")
    process.send_signal(signal.SIGHUP)
    read_lines(process, 0)
    assert ended(process) == (0, "")
    expect_deployed(own)


@pytest.mark.sample(1)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_deployment_that_is_asked_to_end_keeps_what_it_did(
    own: Installation, number: signal.Signals, code: int
) -> None:
    changed(own)
    process = own.start("up", "--stack", "local")
    read_until(process, "  ")  # A resource is being changed.
    process.send_signal(number)
    assert process.stdout is not None
    process.stdout.read()
    found, said = ended(process)
    assert found == code
    assert "again" in said
    assert "Traceback" not in said
    assert locks(own) == []
    own.up()
    expect_deployed(own)


def test_a_rotation_and_a_rollback_go_on_when_their_output_is_closed(own: Installation) -> None:
    changed(own)
    own.up()
    for command in (
        ("keys", "rotate", "--kind", "signing", "--stack", "local"),
        ("keys", "rotate", "--kind", "signing", "--finish", "--stack", "local"),
        ("rollback", "--stack", "local", "--yes", "--reason", "a rehearsal"),
    ):
        process = own.start(*command)
        read_lines(process, 1)
        code, said = ended(process)
        assert code == 0, (command, said)
        assert locks(own) == []


def test_a_checked_deployment_goes_on_when_its_output_is_closed(
    own: Installation, tmp_path: Path
) -> None:
    changed(own)
    report = tmp_path / "report.json"
    left_out = [word for name in ("tests", "types", "dependencies") for word in ("--skip", name)]
    process = own.start(
        *("deploy", "--stack", "local", "--confirm", "all", "--report", str(report)), *left_out
    )
    read_lines(process, 1)
    assert ended(process) == (0, "")
    assert json.loads(report.read_text())["result"] == "succeeded"
    expect_deployed(own)


def test_a_restore_and_a_return_go_on_when_their_output_is_closed(own: Installation) -> None:
    def names() -> list[str]:
        return [row["task_name"] for row in own.sql("SELECT task_name FROM closed ORDER BY 1")]

    own.sql("CREATE TABLE closed (task_name TEXT)")
    own.sql("INSERT INTO closed VALUES ('kept')")
    try:
        assert own.ctl("db", "backup").returncode == 0
        own.sql("INSERT INTO closed VALUES ('lost')")
        process = own.start("db", "restore", "--confirm", "local")
        assert process.stdout is not None
        undo = process.stdout.readline()
        process.stdout.close()
        assert ended(process) == (0, "")
        assert names() == ["kept"]
        process = own.start("db", "travel", undo.split()[6], "--confirm", "local")
        read_lines(process, 0)
        assert ended(process) == (0, "")
        assert names() == ["kept", "lost"]
    finally:
        own.sql("DROP TABLE closed")


def test_a_removal_goes_on_when_its_output_is_closed(own: Installation) -> None:
    if own.ctl("outputs", "--stack", "local").returncode:
        own.up()
    process = own.start("destroy", "--stack", "local", "--yes")
    read_lines(process, 1)
    assert ended(process) == (0, "")
    assert locks(own) == []
    assert "isn't deployed" in own.ctl("outputs", "--stack", "local").stderr


def test_a_tail_ends_when_nobody_reads_it(installation: Installation) -> None:
    process = installation.start("tail", "--stack", "local")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Watching")
    read_lines(process, 0)
    installation.service().call("GET", "/health")
    code, said = ended(process)
    assert (code, said) == (0, "1 line\n")


def test_output_that_cannot_be_written_is_told_by_the_exit_code(installation: Installation) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(NOTIFYCTL), "--version"],
            env=installation.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    assert done.returncode == 1
    assert "can't be written" in done.stderr
