"""``notifyctl db`` against a deployed service and its real database."""

from __future__ import annotations

import gzip
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd
PASSPHRASE = {"NOTIFYCTL_BACKUP_PASSPHRASE": "a passphrase of these tests"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A deployed service with test data in it; no cron writes between a backup and the next."""
    running = Installation(tmp_path_factory.mktemp("database"), settings={"crons": []})
    running.up()
    running.ctl_json("db", "seed", "--users", "3", "--sends", "2")
    yield running
    running.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for backups."""
    return tmp_path / "backups"


def count(installation: Installation, table: str) -> int:
    """How many rows a table has."""
    sql = f"SELECT count(*) AS n FROM {table}"  # noqa: S608  names of this file
    return int(installation.sql(sql)[0]["n"])


@pytest.mark.requirement("S0-97")
def test_seeding_twice_writes_once(installation: Installation) -> None:
    before = {table: count(installation, table) for table in ("user_configs", "notification_logs")}
    again = installation.ctl_json("db", "seed", "--users", "3", "--sends", "2")
    assert again == {"users": 3, "templates": 1, "sends": 6, "delivered": 6}
    assert {table: count(installation, table) for table in before} == before


@pytest.mark.requirement("S0-56", "S0-99", "S0-18")
def test_the_state_names_the_database_its_tables_and_the_last_migration(
    installation: Installation,
) -> None:
    shown = installation.ctl_json("db", "status")
    assert shown["database"]["name"] == shown["database"]["account_name"]
    assert shown["database"]["id"] == installation.outputs()["d1_database_id"]
    assert (shown["missing_tables"], shown["pending"], shown["ok"]) == ([], [], True)
    text = installation.ctl("db", "status").stdout
    assert shown["applied"][-1]["name"] in text
    assert "notification_logs" in text


@pytest.mark.requirement("S0-97", "S0-86")
def test_the_check_finds_what_no_constraint_forbids(installation: Installation) -> None:
    assert installation.ctl_json("db", "check")["ok"] is True
    installation.sql("UPDATE user_configs SET config_data = '{}' WHERE user_id = 'sample-user-1'")
    found = installation.ctl("db", "check", "--json")
    assert found.returncode == 5
    bad = [one for one in json.loads(found.stdout)["checks"] if one["rows"]]
    assert [one["rule"] for one in bad] == ["channel configurations in clear text"]
    installation.ctl_json("db", "seed", "--users", "3", "--sends", "0")
    assert installation.ctl_json("db", "check")["ok"] is True


@pytest.mark.requirement("S0-82", "S0-83", "S0-85", "S0-86")
def test_a_backup_is_named_by_its_time_verified_and_brings_everything_back(
    installation: Installation, folder: Path
) -> None:
    taken = installation.ctl_json("db", "backup", "--folder", str(folder))
    assert re.fullmatch(r"notification-system-local-\d{8}T\d{6}Z\.sql\.gz", taken["file"])
    assert taken["verified_at"]
    assert taken["tables"]["user_configs"]["rows"] == count(installation, "user_configs")
    assert taken["changed_meanwhile"] == []
    lost = count(installation, "notification_logs")
    installation.sql("DELETE FROM notification_logs")
    installation.sql("DROP TABLE template_contents")
    refused = installation.ctl("db", "restore", "--folder", str(folder))
    assert (refused.returncode, count(installation, "notification_logs")) == (2, 0)
    assert "--confirm local" in refused.stderr
    restored = installation.ctl("db", "restore", "--folder", str(folder), "--confirm", "local")
    assert restored.returncode == 0, restored.stderr
    assert count(installation, "notification_logs") == lost
    # The first line is the command that undoes it, as it can be typed.
    undo = restored.stdout.splitlines()[0].partition("notifyctl ")[2].split()
    assert installation.ctl(*undo, "--confirm", "local").returncode == 0
    assert count(installation, "notification_logs") == 0
    installation.ctl_json("db", "restore", "--folder", str(folder), "--confirm", "local")
    again = installation.ctl_json("db", "backup", "--folder", str(folder / "again"))
    assert again["tables"] == taken["tables"]
    with installation.service() as service:
        assert service.call("GET", "/health").status_code == 200


@pytest.mark.soak
@pytest.mark.requirement("S0-83")
def test_a_sealed_backup_needs_its_passphrase(installation: Installation, folder: Path) -> None:
    installation.environment |= PASSPHRASE
    taken = installation.ctl_json("db", "backup", "--encrypt", "--folder", str(folder))
    content = Path(taken["path"]).read_bytes()
    assert taken["file"].endswith(".sql.gz.age")
    assert b"sample-user" not in content
    assert installation.ctl("db", "verify", "--folder", str(folder)).returncode == 0
    installation.environment |= {"NOTIFYCTL_BACKUP_PASSPHRASE": "another passphrase, a wrong one"}
    wrong = installation.ctl("db", "verify", "--folder", str(folder))
    assert (wrong.returncode, "doesn't open" in wrong.stderr) == (2, True)
    del installation.environment["NOTIFYCTL_BACKUP_PASSPHRASE"]


@pytest.mark.soak
def test_a_damaged_backup_is_neither_verified_nor_restored(
    installation: Installation, folder: Path
) -> None:
    taken = installation.ctl_json("db", "backup", "--folder", str(folder))
    path = Path(taken["path"])
    sql = gzip.decompress(path.read_bytes()).replace(b"sample-user-1", b"sample-user-9")
    path.write_bytes(gzip.compress(sql))
    before = count(installation, "user_configs")
    for command in (["verify"], ["restore", "--confirm", "local"]):
        refused = installation.ctl("db", *command, "--folder", str(folder))
        assert (refused.returncode, "damaged or changed" in refused.stderr) == (1, True)
    assert count(installation, "user_configs") == before


@pytest.mark.soak
def test_a_backup_goes_to_r2_and_comes_back_from_there(
    installation: Installation, folder: Path
) -> None:
    account = installation.outputs()["account_id"]
    installation.control(
        "POST", f"/client/v4/accounts/{account}/r2/buckets", json={"name": "kept"}
    ).raise_for_status()
    taken = installation.ctl_json("db", "backup", "--r2", "kept", "--folder", str(folder))
    assert [Path(key).parent.name for key in taken["r2_keys"]] == ["local", "local"]
    elsewhere = folder / "elsewhere"
    found = installation.ctl_json("db", "verify", "--r2", "kept", "--folder", str(elsewhere))
    assert found["tables"] == taken["tables"]


@pytest.mark.parametrize("at", ["2999-01-01T00:00:00Z", "soon"])
def test_a_bookmark_of_a_time_to_come_is_refused_before_anything_is_asked(
    installation: Installation, at: str
) -> None:
    refused = installation.ctl("db", "bookmark", "--at", at)
    assert (refused.returncode, "--at is" in refused.stderr) == (2, True)
    assert "Try again" not in refused.stderr


def test_time_travel_goes_back_and_names_the_way_forward(installation: Installation) -> None:
    bookmark = installation.ctl_json("db", "bookmark")["bookmark"]
    before = count(installation, "user_configs")
    installation.sql("DELETE FROM user_configs")
    undo = installation.ctl_json("db", "travel", bookmark, "--confirm", "local")["undo"]
    assert count(installation, "user_configs") == before
    installation.ctl_json("db", "travel", undo, "--confirm", "local")
    assert count(installation, "user_configs") == 0
    installation.ctl_json("db", "travel", bookmark, "--confirm", "local")


@pytest.mark.requirement("S0-84", "S0-96")
def test_migrations_that_the_code_needs_are_not_undone(installation: Installation) -> None:
    refused = installation.ctl("db", "down", "--to", "1", "--confirm", "local")
    assert refused.returncode == 8
    assert "Roll the code back first" in refused.stderr
    assert installation.ctl_json("db", "migrate")["applied"] == []


@pytest.mark.soak
@pytest.mark.requirement("S0-97")
def test_production_is_never_reset_without_a_fresh_backup(
    installation: Installation, folder: Path
) -> None:
    installation.configure({"environment": "production", "allowLoopbackEndpoints": False})
    try:
        reset = ("db", "reset", "--confirm", "local", "--folder", str(folder))
        before = count(installation, "user_configs")
        refused = installation.ctl(*reset)
        assert (refused.returncode, count(installation, "user_configs")) == (8, before)
        assert "notifyctl db backup" in refused.stderr
        for command in (("db", "seed"), ("db", "push")):
            assert installation.ctl(*command).returncode == 8
        installation.ctl_json("db", "backup", "--folder", str(folder))
        bookmark = installation.ctl_json("db", "bookmark")["bookmark"]
        installation.ctl_json(*reset)
        assert count(installation, "user_configs") == 0
        installation.ctl_json("db", "travel", bookmark, "--confirm", "local")
    finally:
        installation.configure({})


@pytest.mark.parametrize("source", ["the-database", "a-backup"])
def test_the_studio_shows_a_snapshot_to_who_has_its_address_and_to_nobody_else(
    installation: Installation, folder: Path, source: str
) -> None:
    options: tuple[str, ...] = ()
    if source == "a-backup":
        taken = installation.ctl_json("db", "backup", "--folder", str(folder))
        options = ("--backup", taken["path"])
    process = installation.start("db", "studio", *options)
    try:
        assert process.stdout is not None
        told, address = process.stdout.readline().strip().rsplit(": ", 1)
        assert re.fullmatch(
            r"Snapshot of 'local', taken \d{4}-\d\d-\d\d \d\d:\d\d UTC, \d+ \w+ old", told
        )
        root = address.split("/-/")[0]
        assert root.startswith("http://127.0.0.1:")
        with httpx.Client(trust_env=False, follow_redirects=True) as http:
            assert http.get(f"{root}/local/user_configs").status_code == 403
            http.get(address)
            assert "sample-user-1" in http.get(f"{root}/local/user_configs").text
        assert httpx.get(f"{root}/local", trust_env=False).status_code == 403
    finally:
        process.send_signal(signal.SIGINT if source == "a-backup" else signal.SIGTERM)
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (0, "")
