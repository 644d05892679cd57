"""The resource `Migrations`: its provider as Pulumi gets it, against an API over real HTTP."""

import base64
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dill  # type: ignore[import-untyped]  # it ships no types
import httpx
import pytest
from pulumi import dynamic

from infra.migrations import lifecycle
from infra.migrations.errors import (
    ChangedMigration,
    D1Refused,
    MigrationFailed,
    RefusedMigration,
)
from infra.migrations.files import MigrationSet
from infra.migrations.location import project_root
from infra.migrations.resource import MigrationsProvider
from infra.program import declare
from tests.infra.d1_api import ACCOUNT, DATABASE, D1Api
from tests.infra.registrations import declare_stack
from tests.infra.stack_inputs import MIGRATIONS, stack_inputs, write_migrations

TOKEN = "canary-token-0123456789-0123456789-abcdef"


@dataclass(frozen=True)
class Cloud:
    """A project folder, and a D1 API that listens on the loopback address."""

    api: D1Api
    base_url: str
    root: Path

    def properties(self, **changes: Any) -> dict[str, Any]:
        """The resource's inputs for the migrations that are in the folder now."""
        migrations = MigrationSet.read(self.root / "sql" / "migrations")
        return {
            "account_id": ACCOUNT,
            "database_id": DATABASE,
            "base_url": self.base_url,
            "migrations": migrations.hashes(),
            "level": migrations.level,
            **changes,
        }


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    api, lock = D1Api(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                found = self.path.startswith(
                    f"/client/v4/accounts/{ACCOUNT}/d1/database/{DATABASE}/"
                )
                answer = (
                    api.handle_request(httpx.Request("POST", "http://d1", content=body))
                    if found
                    else httpx.Response(404, json={"errors": [{"code": 7404, "message": "no"}]})
                )
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    (tmp_path / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    (tmp_path / "infra").mkdir()
    write_migrations(tmp_path / "sql" / "migrations")
    monkeypatch.chdir(tmp_path / "infra")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    yield Cloud(api, f"http://127.0.0.1:{server.server_address[1]}/client/v4", tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.requirement("PD-10", "S0-18")
def test_create_applies_the_migrations_and_returns_the_schemas_level(cloud: Cloud) -> None:
    result = MigrationsProvider().create(cloud.properties())
    assert result.id == f"{DATABASE}/schema"
    assert result.outs is not None
    assert result.outs["schema_level"] == 2
    assert result.outs["applied"] == cloud.properties()["migrations"]
    assert cloud.api.ledger() == ["0001_first.sql", "0002_second.sql"]
    assert TOKEN not in repr(result.outs)
    assert "CREATE TABLE" not in repr(result.outs)


SETTINGS = {
    **MIGRATIONS,
    "0001_first.sql": MIGRATIONS["0001_first.sql"]
    + "\nCREATE TABLE system_configs (config_key TEXT PRIMARY KEY, config_value, description);",
    "0001_first.down.sql": MIGRATIONS["0001_first.down.sql"] + "\nDROP TABLE system_configs;",
}


def settings_of(cloud: Cloud) -> list[tuple[str, str]]:
    rows = cloud.api.connection.execute("SELECT config_key, config_value FROM system_configs")
    return [(str(key), str(value)) for key, value in rows]


def test_a_database_without_any_table_begins_with_the_first_settings(cloud: Cloud) -> None:
    write_migrations(cloud.root / "sql" / "migrations", SETTINGS)
    inputs = cloud.properties(first_settings={"shards": "3"})
    made = MigrationsProvider().create(inputs).outs or {}
    assert settings_of(cloud) == [("shards", "3")]
    assert "first_settings" not in made
    assert MigrationsProvider().diff("id", made, inputs).changes is False


def test_a_database_that_was_there_before_keeps_its_settings(cloud: Cloud) -> None:
    write_migrations(cloud.root / "sql" / "migrations", SETTINGS)
    inputs = cloud.properties(first_settings={"shards": "3"})
    made = MigrationsProvider().create(cloud.properties()).outs or {}
    MigrationsProvider().update("id", made, inputs)
    MigrationsProvider().create(inputs)
    assert settings_of(cloud) == []


def test_an_update_of_a_database_without_a_table_sets_nothing(cloud: Cloud) -> None:
    write_migrations(cloud.root / "sql" / "migrations", SETTINGS)
    inputs = cloud.properties(first_settings={"shards": "3"})
    MigrationsProvider().update("id", cloud.properties(applied=[]), inputs)
    assert settings_of(cloud) == []


def test_nothing_to_apply_is_no_change_and_a_new_file_is_one(cloud: Cloud) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    assert provider.diff("id", state, cloud.properties()).changes is False
    assert provider.diff("id", state, cloud.properties(base_url="https://x/v4")).changes is False
    more = {**MIGRATIONS, "0003_c.sql": "CREATE TABLE c(id);", "0003_c.down.sql": "DROP TABLE c;"}
    write_migrations(cloud.root / "sql" / "migrations", more)
    diff = provider.diff("id", state, cloud.properties())
    assert (diff.changes, diff.replaces) == (True, [])
    updated = provider.update("id", state, cloud.properties()).outs or {}
    assert updated["schema_level"] == 3
    assert provider.diff("id", updated, cloud.properties()).changes is False


def test_another_database_replaces_the_resource(cloud: Cloud) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    for other in ("other", "0"):
        diff = provider.diff("id", state, cloud.properties(database_id=other))
        assert (diff.changes, diff.replaces) == (True, ["database_id"])
        diff = provider.diff("id", state, cloud.properties(account_id=other))
        assert (diff.changes, diff.replaces) == (True, ["account_id"])


@pytest.mark.parametrize("level", [1, 3])
def test_code_of_another_level_is_checked_against_the_schema(cloud: Cloud, level: int) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    diff = provider.diff("id", state, cloud.properties(level=level))
    assert (diff.changes, diff.replaces) == (True, [])


@pytest.mark.parametrize("digest", ["0" * 64, "f" * 64])
def test_a_hash_is_another_one_in_either_direction(digest: str) -> None:
    old = {"migrations": [{"name": "0001_a.sql", "sha256": "8" * 64}]}
    new = {"migrations": [{"name": "0001_a.sql", "sha256": digest}]}
    assert lifecycle.changed_files(old, new) == ["0001_a.sql"]
    assert lifecycle.changed_files(old, old) == []
    assert lifecycle.changed_files({}, new) == []


@pytest.mark.parametrize("status", [403, 405])
def test_a_database_that_may_not_be_read_is_not_taken_for_gone(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    refused = httpx.Response(status, json={"errors": [{"code": 7000, "message": "no"}]})
    monkeypatch.setattr(cloud.api, "handle_request", lambda _: refused)
    with pytest.raises(D1Refused, match=f"HTTP {status}"):
        MigrationsProvider().read("id", cloud.properties())


def test_a_changed_file_is_refused_in_the_plan_and_again_when_it_is_applied(cloud: Cloud) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    changed = {**MIGRATIONS, "0001_first.sql": MIGRATIONS["0001_first.sql"] + "SELECT 1;"}
    write_migrations(cloud.root / "sql" / "migrations", changed)
    (failure,) = provider.check(state, cloud.properties()).failures
    assert "0001_first.sql was changed" in failure.reason
    with pytest.raises(ChangedMigration):
        provider.update("id", state, cloud.properties())
    assert provider.check({}, cloud.properties()).failures == []


def test_files_that_change_between_plan_and_apply_are_refused(cloud: Cloud) -> None:
    planned = cloud.properties()
    write_migrations(
        cloud.root / "sql" / "migrations", {**MIGRATIONS, "0002_second.sql": "SELECT 1;"}
    )
    with pytest.raises(MigrationFailed, match="while the deployment ran"):
        MigrationsProvider().create(planned)
    assert cloud.api.ledger() == []


def test_read_tells_what_the_ledger_says_now(cloud: Cloud) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    read = provider.read("id", state)
    assert (read.id, read.outs) == ("id", state)
    cloud.api.connection.execute("DELETE FROM d1_migrations WHERE name = '0002_second.sql'")
    drifted = provider.read("id", state).outs or {}
    assert drifted["schema_level"] == 1
    assert provider.diff("id", drifted, cloud.properties()).changes is True


def test_read_finds_that_the_database_is_gone(cloud: Cloud) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    gone = provider.read("id", {**state, "database_id": "other"})
    assert (gone.id, gone.outs) == ("", {})


def test_delete_leaves_the_data_to_the_databases_own_deletion(cloud: Cloud) -> None:
    provider = MigrationsProvider()
    state = provider.create(cloud.properties()).outs or {}
    calls = cloud.api.calls
    provider.delete("id", state)
    assert cloud.api.calls == calls
    assert cloud.api.ledger()


@pytest.mark.requirement("T-3")
def test_the_pickled_provider_is_small_and_works_after_its_way_through_the_state(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inputs = stack_inputs(tmp_path_factory.mktemp("inputs"))
    found = declare_stack(lambda: declare(inputs), stack="production").one("migrations")
    pickled = base64.b64decode(found.inputs["__provider"])
    assert len(pickled) < 200
    assert "__provider" in found.secret
    provider = dill.loads(pickled)  # noqa: S301 - the test's own bytes
    assert (provider.create(cloud.properties()).outs or {})["schema_level"] == 2


def test_an_error_reaches_pulumi_without_a_stack_trace(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    provider = MigrationsProvider()
    provider.configure(dynamic.ConfigureRequest(dynamic.Config({}, "notification-system")))
    broken = {**MIGRATIONS, "0002_second.sql": "ALTER TABLE nowhere ADD COLUMN x;"}
    write_migrations(cloud.root / "sql" / "migrations", broken)
    try:
        provider.create(cloud.properties())
    except RefusedMigration:
        told = traceback.format_exc()  # as Pulumi's own servicer does
    assert told.startswith("infra.migrations.errors.RefusedMigration: 0002_second.sql:1: ")
    assert "File " not in told


def test_the_project_is_found_from_the_programs_folder(cloud: Cloud) -> None:
    assert project_root() == cloud.root
