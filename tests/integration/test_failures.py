"""What a person meets when something is wrong: one clear message, and nothing half done."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from tests.installation import ROOT, Installation

pytestmark = pytest.mark.workerd

LINKED = (".venv", "node_modules", "build")
COPIED = (
    "__main__.py",
    "cron",
    "engine",
    "console",
    "infra",
    "localcloud",
    "ops",
    "sql",
    "worker",
    "Pulumi.yaml",
    "Pulumi.local.yaml",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose files the test may change; what is installed is shared."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.mark.soak
def test_a_migration_that_fails_half_way_leaves_everything_as_it_was(
    checkout: Path, tmp_path: Path
) -> None:
    installation = Installation(tmp_path / "installation", project=checkout)
    try:
        good = installation.up()
        migration = checkout / "sql" / "migrations" / "9000_broken.sql"
        migration.write_text(
            "CREATE TABLE half_way (id INTEGER PRIMARY KEY);\n"
            "INSERT INTO no_such_table (id) VALUES (1);\n"
        )
        migration.with_name("9000_broken.down.sql").write_text("DROP TABLE half_way;\n")

        failed = installation.ctl("up", "--stack", "local")

        assert failed.returncode == 4
        message = failed.stdout + failed.stderr
        assert "9000_broken.sql" in message
        assert "no_such_table" in message
        assert "Traceback" not in message
        assert "INSERT INTO" not in message
        with installation.service() as service:
            health = service.result("GET", "/health")
        assert health["deployment"]["version_id"] == good["version_id"]
        database = installation.outputs()["d1_database_id"]
        account = "00000000000000000000000000000001"
        answer = installation.control(
            "POST",
            f"/client/v4/accounts/{account}/d1/database/{database}/query",
            json={"sql": "SELECT name FROM sqlite_master WHERE name = 'half_way'"},
        )
        assert answer.json()["result"][0]["results"] == []

        migration.write_text("CREATE TABLE half_way (id INTEGER PRIMARY KEY);\n")
        assert installation.up()["changed"] > 0
    finally:
        installation.close()


def test_a_stack_file_with_three_mistakes_gets_three_messages(tmp_path: Path) -> None:
    installation = Installation(
        tmp_path,
        settings={"logLevel": "loud", "maxRequestSize": -1, "enviroment": "development"},
    )
    try:
        refused = installation.ctl("up", "--stack", "local")
    finally:
        installation.close()

    message = refused.stdout + refused.stderr
    assert refused.returncode == 2
    assert not installation.home.joinpath("cloud").exists()
    for key in ("logLevel", "maxRequestSize", "enviroment"):
        assert f"notification-system:{key}" in message
    assert "Traceback" not in message


def test_a_taken_port_is_named_with_the_way_to_move(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    port = int(installation.edge_url.rsplit(":", 1)[1])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = installation.ctl("up", "--stack", "local")

    try:
        assert refused.returncode == 1
        [sentence] = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
        assert str(port) in sentence
        assert " local start --edge-port " in sentence
        assert installation.ctl("local", "start").returncode == 0
    finally:
        installation.close()


def test_a_stack_of_an_account_without_the_pulumi_cli_is_told_how_to_get_it(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path)
    installation.environment["PATH"] = "/usr/bin:/bin"
    del installation.environment["NOTIFYCTL_CONFIG_FILE"]

    refused = installation.ctl("outputs", "--stack", "production")

    assert refused.returncode == 3
    assert "there is no 'pulumi' on PATH" in refused.stderr


def test_an_unknown_stack_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    del installation.environment["NOTIFYCTL_CONFIG_FILE"]

    refused = installation.ctl("outputs", "--stack", "prodution")

    assert refused.returncode == 2
    assert "Known stacks: development, local, production." in refused.stderr
