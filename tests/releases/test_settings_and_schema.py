"""A rollback brings settings back where it is asked to, and the schema can follow it."""

from __future__ import annotations

import pytest
import yaml

from tests.altered_project import rewrite
from tests.releases.stage import Stage

pytestmark = [pytest.mark.workerd, pytest.mark.soak]
NEXT = "sql/migrations/0099_next"


def setting(stage: Stage, name: str) -> object:
    config = yaml.safe_load(stage.installation.config_file.read_text())["config"]
    return config.get(f"notification-system:{name}")


def crons(stage: Stage) -> list[str]:
    ids = stage.ids
    path = f"/client/v4/accounts/{ids['account_id']}/workers/scripts/{ids['worker_name']}/schedules"
    found = stage.installation.control("GET", path).json()["result"]["schedules"]
    return sorted(one["cron"] for one in found)


def test_settings_go_back_with_the_release_to_the_file_and_to_the_account(stage: Stage) -> None:
    [first] = stage.serving()
    before, level = crons(stage), setting(stage, "logLevel")
    stage.installation.configure({"testClock": True, "crons": ["*/9 * * * *"], "logLevel": "error"})
    second = stage.installation.up()["version_id"]
    assert crons(stage) == ["*/9 * * * *"]
    shown = stage.json("releases", "--show", second[:8])
    assert (shown["settings"]["logLevel"], shown["settings"]["crons"]) == ("error", ["*/9 * * * *"])

    report = stage.json("rollback", "--yes", "--settings", "--reason", "wrong schedule")

    assert report["version_id"] == first
    assert stage.serving() == {first: 100}
    assert crons(stage) == before
    assert (setting(stage, "crons"), setting(stage, "logLevel")) == (None, level)
    assert setting(stage, "testClock") is True
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0


def test_a_migration_of_the_code_that_was_rolled_back_can_be_undone(stage: Stage) -> None:
    root = stage.project.root
    [good] = stage.serving()
    level = stage.json("db", "status")["code_level"]
    rewrite(
        root / f"{NEXT}.sql", "-- min-code: 0\nALTER TABLE user_configs ADD COLUMN later TEXT;\n"
    )
    rewrite(root / f"{NEXT}.down.sql", "ALTER TABLE user_configs DROP COLUMN later;\n")
    stage.change("next release")
    bad = stage.installation.up()["version_id"]
    refused = stage.ctl("db", "down", "--to", str(level), "--confirm", "local")
    assert refused.returncode == 8
    assert "Roll the code back first: notifyctl rollback --stack local" in refused.stderr

    report = stage.json("rollback", "--yes", "--to", good, "--reason", "sends fail")
    assert report["version_id"] == good
    assert stage.serving() == {good: 100}
    assert bad != good

    undone = stage.json("db", "down", "--to", str(level), "--confirm", "local")
    assert undone["undone"] == ["0099_next.sql"]
    columns = {row["name"] for row in stage.sql("PRAGMA table_info(user_configs)")}
    assert "later" not in columns
    assert stage.ctl("verify").returncode == 0


def test_what_only_the_stacks_own_rows_refuse_is_found_on_a_copy_of_them(stage: Stage) -> None:
    root = stage.project.root
    ids = stage.ids
    databases = f"/client/v4/accounts/{ids['account_id']}/d1/database"
    before = stage.installation.control("GET", databases).json()["result"]
    rewrite(root / f"{NEXT}.down.sql", "DROP INDEX one_each;\n")
    rewrite(root / f"{NEXT}.sql", "CREATE UNIQUE INDEX one_each ON user_configs (user_id);\n")
    for channel in ("webhook", "slack"):
        stage.sql(
            "INSERT INTO user_configs (user_id, channel_type, config_data) "  # noqa: S608
            f"VALUES ('twice', '{channel}', 'x')"
        )
    assert stage.ctl("db", "lint").returncode == 0
    refused = stage.ctl("db", "lint", "--copy")
    assert refused.returncode == 8, refused.stderr
    assert "0099_next.sql:1" in refused.stdout
    assert "UNIQUE" in refused.stdout
    stage.sql("DELETE FROM user_configs WHERE user_id = 'twice' AND channel_type = 'slack'")
    assert stage.ctl("db", "lint", "--copy").returncode == 0
    after = stage.installation.control("GET", databases).json()["result"]
    assert [one["uuid"] for one in after] == [one["uuid"] for one in before]
    assert stage.sql("SELECT count(*) AS found FROM user_configs WHERE user_id = 'twice'") == [
        {"found": 1}
    ]
