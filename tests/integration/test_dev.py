"""``notifyctl dev`` as a process: a production stack's settings on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.altered_project import AlteredProject
from tests.installation import LIMIT, NOTIFYCTL, ROOT

pytestmark = pytest.mark.requirement("S0-62")


def deployed(test: Callable[..., None]) -> Callable[..., None]:
    """A test that has the Worker run: the soak's."""
    marked: Callable[..., None] = pytest.mark.workerd(pytest.mark.soak(test))
    return marked


HEALTH = "worker/src/notification/routes/health.py"
REAL = "t" * 40


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> AlteredProject:
    return AlteredProject(tmp_path_factory.mktemp("dev") / "project")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run keeps what is to be gone afterwards."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def run(project: AlteredProject, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A run with a real account's credentials around it, which it mustn't take."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NOTIF")},
        "CLOUDFLARE_API_TOKEN": REAL,
        "PYTHONPATH": str(project.root),
        "TMPDIR": str(folder),
    }
    # As the README sets a stack up: with the days and the fingerprints of its secrets.
    subprocess.run(
        [str(NOTIFYCTL), "keys", "generate", "--stack", "production", "--set"],
        cwd=project.root,
        env={**environment, "PULUMI_CONFIG_PASSPHRASE": "correct horse"},
        capture_output=True,
        check=True,
    )
    process = subprocess.Popen(
        [str(NOTIFYCTL), "dev", "--stack", "production", "--port", "0", "--debug", "--json"],
        cwd=project.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=(folder.parent / "dev.log").open("w"),
        text=True,
    )
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT)


@pytest.fixture(scope="module")
def address(run: subprocess.Popen[str]) -> dict[str, Any]:
    assert run.stdout is not None
    line = run.stdout.readline()
    assert line, "the run ended before it was ready"
    found: dict[str, Any] = json.loads(line)
    return found


def await_true(look: Callable[[], bool], *, what: str) -> None:
    """Wait for a deployment, which takes far longer than usual on a loaded machine."""
    deadline = time.monotonic() + LIMIT
    while not look():
        assert time.monotonic() < deadline, f"waited {LIMIT} s for {what}"
        time.sleep(0.5)


def health(address: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(
        f"{address['service_url']}/health", trust_env=False, timeout=60
    ).json()
    return found


@deployed
def test_the_settings_are_the_stacks_and_the_secrets_are_made_up(
    address: dict[str, Any], folder: Path
) -> None:
    assert address["stack"] == "production"
    assert health(address)["environment"] == "production"
    assert len(address["api_secret_key"]) == 64
    texts = [
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"
    ]
    assert texts
    assert not any(REAL.encode() in text for text in texts)


@deployed
def test_a_change_is_deployed_and_a_broken_one_is_not(
    project: AlteredProject, address: dict[str, Any], folder: Path
) -> None:
    def version() -> str:
        return str(health(address)["deployment"]["version_id"])

    first = version()
    source = project.root / HEALTH
    good = source.read_text()
    source.write_text(f"{good}\n# Changed\n")
    await_true(lambda: version() != first, what="the changed version")
    second = version()
    source.write_text("def broken(:\n")
    log = folder.parent / "dev.log"
    await_true(lambda: "before still serves" in log.read_text(), what="the refused change")
    assert version() == second
    source.write_text(good)
    await_true(lambda: version() != second, what="the corrected version")
    assert "GET /health 200" in log.read_text()


@deployed
def test_an_interrupt_leaves_nothing_behind(run: subprocess.Popen[str], folder: Path) -> None:
    run.send_signal(signal.SIGINT)
    assert run.wait(LIMIT) == 0
    assert list(folder.glob("notifyctl-dev-*")) == []


def test_an_unknown_stack_is_refused() -> None:
    done = subprocess.run(
        [str(NOTIFYCTL), "dev", "--stack", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 2
    assert "There is no stack 'nowhere'" in done.stderr
