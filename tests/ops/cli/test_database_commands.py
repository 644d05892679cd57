"""``notifyctl db``: what each command asks, hands on, prints, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from ops.database import time_travel
from ops.database.backup_file import PASSPHRASE_VARIABLE, BackupFile
from ops.database.consistency import Finding
from ops.database.studio import Snapshot
from ops.stacks.errors import GateClosed, OperationError, UsageError, VerificationFailed
from tests.ops.cli.in_process import Commands, failed_with
from tests.ops.cli.noted import Noted

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
PASSPHRASE = "a passphrase that is long enough"
BROKEN = Finding("retries due for over a day", 3, "look at the cron")
SOUND = Finding("rows pending for over a day", 0, "look at the cron")


def document(result: Result) -> Any:
    """The one document on standard output, which is laid out for people too."""
    assert result.stdout.startswith(("{\n  ", "[\n  ")), result.output
    return json.loads(result.stdout)


def backup(path: Path) -> BackupFile:
    table: Any = SimpleNamespace(rows=1_200, document=lambda: {"rows": 1_200})
    return BackupFile(path, "local", "d", 4, NOON, {"a": table, "b": table}, "f" * 64, NOON)


@dataclass
class World:
    """A database with its backups, behind the commands."""

    backups: Any
    database: Any
    d1: Noted
    folders: list[Path]


@pytest.fixture
def world(commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    taken = backup(tmp_path / "one.sql.gz")
    database = SimpleNamespace(account="account", database_id="d", stack="local")
    backups = Noted(
        take=(taken, ("logs",)), verify=taken, restore=(), newest=taken, require_fresh=None
    )
    backups.database, backups.folder = database, tmp_path  # type: ignore[attr-defined]
    d1 = Noted(bookmark="00-1", travel="00-2")
    folders: list[Path] = []

    def made(_: Any, folder: Path) -> Noted:
        folders.append(folder)
        return backups

    commands.replace(
        "db.backups",
        Backups=made,
        StackDatabase=SimpleNamespace(of=lambda _: database, all_of=lambda _: [database]),
        check_consistency=lambda _: [SOUND],
    )
    monkeypatch.setattr(
        time_travel, "D1Transfer", lambda *given: d1 if given == ("account", "d") else None
    )
    return World(backups, database, d1, folders)


# backup


def test_a_backup_is_taken_and_told(commands: Commands, world: World, tmp_path: Path) -> None:
    result = commands.run("db", "backup")
    lines = result.stdout.splitlines()
    file = tmp_path / "one.sql.gz"
    assert lines[0].startswith(f"✓ Database of 'local' backed up and verified {file} (")
    assert lines[1:] == [
        "  Written while it was read, and in the backup as of its beginning: logs.",
        f"{file}: 2 tables, 2,400 rows, verified",
    ]
    assert world.backups.named("take")["passphrase"] is None
    assert world.folders == [Path("backups")]


def test_a_backup_as_json_has_its_path_and_what_changed(
    commands: Commands, world: World, tmp_path: Path
) -> None:
    found = document(commands.run("db", "backup", "--json", "--folder", str(tmp_path)))
    assert found["path"] == str(tmp_path / "one.sql.gz")
    assert (found["changed_meanwhile"], found["r2_keys"]) == (["logs"], [])
    assert found["schema_level"] == 4
    assert world.folders == [tmp_path]


def test_each_of_several_databases_is_backed_up_to_a_file_of_its_own(
    commands: Commands, world: World, tmp_path: Path
) -> None:
    databases = [SimpleNamespace(account="account", name=name) for name in ("one", "two")]

    class Taken:
        def __init__(self, database: Any, folder: Path) -> None:
            self.database = database

        def take(self, **_: Any) -> tuple[BackupFile, tuple[str, ...]]:
            return backup(tmp_path / f"{self.database.name}.sql.gz"), ()

    commands.replace(
        "db.backups", Backups=Taken, StackDatabase=SimpleNamespace(all_of=lambda _: databases)
    )
    lines = commands.run("db", "backup").stdout.splitlines()
    assert lines[0].startswith("✓ Database of 'local' (one) backed up and verified ")
    assert lines[1] == f"{tmp_path}/one.sql.gz: 2 tables, 2,400 rows, verified"
    assert lines[3] == f"{tmp_path}/two.sql.gz: 2 tables, 2,400 rows, verified"
    found = document(commands.run("db", "backup", "--json"))["backups"]
    assert [each["path"] for each in found] == [
        str(tmp_path / "one.sql.gz"),
        str(tmp_path / "two.sql.gz"),
    ]
    for command in (("verify",), ("restore", "--confirm", "local")):
        refused = failed_with(commands.run("db", *command), UsageError)
        assert "has 2 databases, each with backups of its own. Name the backup." in refused


@pytest.mark.parametrize(
    ("record", "moved", "is_refused"),
    [
        ('{"n":2,"moving_to":null}', "2026-11-29T11:59:59.000Z", False),
        ('{"n":2,"moving_to":null}', "2026-11-29T12:00:00.000Z", True),
        ('{"n":2,"moving_to":1}', "2026-11-29T11:00:00.000Z", True),
        (None, "", False),
    ],
)
def test_a_backup_goes_back_into_its_own_database_unless_recipients_have_moved(
    commands: Commands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record: str | None,
    moved: str,
    is_refused: bool,
) -> None:
    rows = [{"config_value": record, "updated_at": moved}] if record else []
    databases = [
        SimpleNamespace(
            account="account", database_id=name, name=name, stack="local", query=lambda _: rows
        )
        for name in ("other", "d")
    ]
    restored: list[str] = []

    class Restoring:
        folder = tmp_path

        def __init__(self, database: Any, _: Path) -> None:
            self.database = database

        def restore(self, found: BackupFile, **_: Any) -> tuple[str, ...]:
            restored.append(self.database.name)
            return ()

    monkeypatch.setattr(BackupFile, "read", backup)
    d1 = Noted(bookmark="00-1")
    commands.replace(
        "db.backups",
        Backups=Restoring,
        StackDatabase=SimpleNamespace(all_of=lambda _: databases),
        check_consistency=lambda _: [SOUND],
    )
    monkeypatch.setattr(time_travel, "D1Transfer", lambda *_: d1)
    result = commands.run("db", "restore", "one.sql.gz", "--confirm", "local")
    if is_refused:
        assert "Recipients have moved between the databases" in failed_with(result, GateClosed)
        assert restored == []
    else:
        assert result.exit_code == 0, result.output
        assert restored == ["d"]
    databases.pop()
    databases.append(SimpleNamespace(account="account", database_id="e", name="e"))
    refused = failed_with(commands.run("db", "verify", "one.sql.gz"), UsageError)
    assert refused == "one.sql.gz is of no database that 'local' has now."


def test_a_backup_that_nothing_was_written_beside_has_no_line_for_it(
    commands: Commands, world: World, tmp_path: Path
) -> None:
    world.backups.answers["take"] = (backup(tmp_path / "one.sql.gz"), ())
    assert "Written while" not in commands.run("db", "backup").stdout


@pytest.mark.parametrize(
    ("passphrase", "taken"), [("", False), ("a" * 15, False), ("a" * 16, True), (PASSPHRASE, True)]
)
def test_an_encrypted_backup_needs_a_long_passphrase(
    commands: Commands, world: World, passphrase: str, taken: bool
) -> None:
    environment = {PASSPHRASE_VARIABLE: passphrase}
    result = commands.run("db", "backup", "--encrypt", environment=environment)
    if taken:
        assert world.backups.named("take")["passphrase"] == passphrase
        return
    assert "at least 16 characters" in failed_with(result, UsageError)
    assert world.backups.called == []


def test_a_backup_may_be_put_into_a_bucket(commands: Commands, world: World) -> None:
    bucket = Noted(put=("key.sql.gz", "key.json"))
    commands.replace(
        "db.backups", BackupBucket=lambda *given: bucket if given == ("account", "b") else None
    )
    result = commands.run("db", "backup", "--r2", "b", "--json")
    assert document(result)["r2_keys"] == ["key.sql.gz", "key.json"]
    assert "✓ Stored in the R2 bucket b (" in result.stderr


# verify


def test_the_newest_backup_is_verified_unless_one_is_named(
    commands: Commands, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = commands.run("db", "verify")
    assert result.stdout.splitlines()[0].startswith("✓ one.sql.gz verified (")
    assert world.backups.given("verify")[0].path.name == "one.sql.gz"
    assert document(commands.run("db", "verify", "--json"))["database_id"] == "d"
    read: list[Path] = []

    def noted(path: Path) -> BackupFile:
        read.append(path)
        return backup(path)

    monkeypatch.setattr(BackupFile, "read", noted)
    commands.run("db", "verify", "two.sql.gz")
    commands.run("db", "verify", "elsewhere/two.sql.gz")
    assert read == [tmp_path / "two.sql.gz", Path("elsewhere/two.sql.gz")]
    world.backups.answers["newest"] = None
    refused = failed_with(commands.run("db", "verify"), UsageError)
    assert refused.startswith(f"{tmp_path} has no backup of 'local'.")


def test_a_sealed_backup_is_opened_with_the_passphrase(
    commands: Commands, world: World, tmp_path: Path
) -> None:
    world.backups.answers["newest"] = backup(tmp_path / "one.sql.gz.age")
    assert PASSPHRASE_VARIABLE in failed_with(commands.run("db", "verify"), UsageError)
    commands.run("db", "verify", environment={PASSPHRASE_VARIABLE: PASSPHRASE})
    assert world.backups.named("verify")["passphrase"] == PASSPHRASE
    world.backups.answers["newest"] = backup(tmp_path / "one.sql.gz")
    commands.run("db", "verify")
    assert world.backups.named("verify")["passphrase"] is None


def test_a_buckets_newest_backup_is_taken_from_it(
    commands: Commands, world: World, tmp_path: Path
) -> None:
    bucket = Noted(names=["a", "b"], get=backup(tmp_path / "b"))
    commands.replace("db.backups", BackupBucket=lambda *_: bucket)
    commands.run("db", "verify", "--r2", "bucket")
    assert bucket.given("get") == ("b", tmp_path)
    commands.run("db", "verify", "a", "--r2", "bucket")
    assert bucket.given("get") == ("a", tmp_path)
    bucket.answers["names"] = []
    refused = failed_with(commands.run("db", "verify", "--r2", "bucket"), UsageError)
    assert refused == "The bucket bucket has no backup of 'local'."


# restore


def test_a_restore_is_confirmed_and_tells_first_how_to_undo_it(
    commands: Commands, world: World
) -> None:
    refused = failed_with(commands.run("db", "restore"), UsageError)
    assert "replaces everything in the database of 'local' by one.sql.gz: confirm it" in refused
    assert world.backups.called == ["newest"]
    world.backups.answers["restore"] = ("logs",)
    lines = commands.run("db", "restore", "--confirm", "local").stdout.splitlines()
    assert lines[0] == "To undo it: notifyctl db travel 00-1 --stack local"
    assert lines[1].startswith("✓ one.sql.gz restored (")
    assert lines[2] == "  Written since the restore: logs."
    assert lines[3].startswith("✓ Consistency checked 0 problems (")
    assert "require_fresh" not in world.backups.called
    found = document(commands.run("db", "restore", "--confirm", "local", "--json"))
    assert (found["changed_since"], found["undo"]) == (["logs"], "00-1")


def test_a_restore_without_a_bookmark_goes_on_with_a_warning(
    commands: Commands, world: World
) -> None:
    world.d1.answers["bookmark"] = OperationError("No bookmark.")
    result = commands.run("db", "restore", "--confirm", "local", "--json")
    assert "warning: nothing will undo it: No bookmark." in result.stderr
    assert document(result)["undo"] == ""


def test_production_needs_a_fresh_backup_before_anything_is_asked(
    commands: Commands, world: World
) -> None:
    world.backups.answers["require_fresh"] = GateClosed("The backup is too old.")
    for command in (("restore",), ("travel", "00-9")):
        arguments = ("db", *command, "-s", "production", "--confirm", "production")
        assert failed_with(commands.run(*arguments), GateClosed) == "The backup is too old."
    assert [call[2] for call in world.backups.calls if call[0] == "require_fresh"] == [
        {"what": "A restore"},
        {"what": "Time travel"},
    ]
    assert world.d1.called == []
    assert "restore" not in world.backups.called


def test_restored_data_with_problems_fails_the_command(commands: Commands, world: World) -> None:
    commands.replace("db.backups", check_consistency=lambda _: [SOUND, BROKEN])
    result = commands.run("db", "restore", "--confirm", "local")
    assert "✓ Consistency checked 1 problem (" in result.stdout
    failure = failed_with(result, VerificationFailed)
    assert BROKEN.text() in failure
    assert SOUND.text() not in failure
    assert "2 tables" in result.stdout


# bookmark, travel


def test_a_bookmark_is_of_now_or_of_a_time(commands: Commands, world: World) -> None:
    assert commands.run("db", "bookmark").stdout == "00-1\n"
    assert world.d1.given("bookmark") == (None,)
    found = commands.run("db", "bookmark", "--at", "2026-11-21T10:00:00+02:00", "--json")
    assert json.loads(found.stdout) == {"bookmark": "00-1"}
    assert world.d1.given("bookmark") == ("2026-11-21T08:00:00Z",)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    refused = failed_with(commands.run("db", "bookmark", "--at", later), UsageError)
    assert "which is still to come" in refused


def test_travel_prints_the_bookmark_that_undoes_it(commands: Commands, world: World) -> None:
    refused = failed_with(commands.run("db", "travel", "00-9"), UsageError)
    assert "This returns the database of 'local' to 00-9: confirm it by" in refused
    result = commands.run("db", "travel", "00-9", "--confirm", "local")
    assert result.stdout.splitlines()[-1] == "To undo it: notifyctl db travel 00-2 --stack local"
    assert world.d1.given("travel") == ("00-9",)
    found = commands.run("db", "travel", "00-9", "--confirm", "local", "--json")
    assert json.loads(found.stdout) == {"undo": "00-2"}


# status, check


@pytest.mark.parametrize("problem", ["", "a table is gone"])
def test_the_schemas_state_is_shown_and_judged(commands: Commands, problem: str) -> None:
    state = SimpleNamespace(document=lambda: {"level": 4}, lines=lambda: ["one"], problem=problem)
    commands.replace(
        "db.inspection",
        SchemaState=SimpleNamespace(read=lambda *_: state),
        StackDatabase=SimpleNamespace(all_of=lambda _: [None]),
    )
    result = commands.run("db", "status")
    assert result.stdout == "one\n"
    assert document(commands.run("db", "status", "--json")) == {"level": 4}
    if problem:
        assert failed_with(result, VerificationFailed) == problem
    else:
        assert result.exit_code == 0


@pytest.mark.parametrize("found", [[SOUND], [SOUND, BROKEN]])
def test_data_is_checked(commands: Commands, found: list[Finding]) -> None:
    commands.replace(
        "db.inspection",
        check_consistency=lambda _: found,
        StackDatabase=SimpleNamespace(all_of=lambda _: [None]),
    )
    result = commands.run("db", "check")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["rows", "check"]
    assert lines[1].split() == ["0", *SOUND.rule.split()]
    assert document(commands.run("db", "check", "--json")) == {
        "ok": len(found) == 1,
        "checks": [vars(one) for one in found],
    }
    if len(found) == 1:
        assert result.exit_code == 0
    else:
        assert failed_with(result, VerificationFailed) == f"{BROKEN.text()}."


def test_the_schemas_of_several_databases_are_one_answer(commands: Commands) -> None:
    states = {
        name: SimpleNamespace(
            document=lambda name=name: {"name": name},
            lines=lambda name=name: [name],
            problem=problem,
        )
        for name, problem in (("one", ""), ("two", "A table is gone."))
    }
    commands.replace(
        "db.inspection",
        SchemaState=SimpleNamespace(read=lambda database, _: states[database]),
        StackDatabase=SimpleNamespace(all_of=lambda _: ["one", "two"]),
    )
    result = commands.run("db", "status")
    assert result.stdout == "one\ntwo\n"
    assert failed_with(result, VerificationFailed) == "A table is gone."
    assert document(commands.run("db", "status", "--json")) == {
        "stack": "local",
        "databases": [{"name": "one"}, {"name": "two"}],
        "ok": False,
    }


# lint, migrate, down, generate, push, reset


def linted(*problems: str, on_d1: bool = False) -> Any:
    return SimpleNamespace(
        problems=list(problems), files=7, on_d1=on_d1, document=lambda: {"files": 7}
    )


class Changes(Noted):
    """Changes of a schema, with a database of their own."""

    database = "database"
    project = "project"


def changing(commands: Commands, **answers: Any) -> Changes:
    found = Changes(**answers)
    commands.replace("db.schema", _all_changes=lambda _: [found])
    return found


@pytest.mark.parametrize("on_d1", [True, False])
def test_migrations_are_judged(commands: Commands, on_d1: bool) -> None:
    lint = Noted(of=linted(on_d1=on_d1))
    commands.replace("db.schema", MigrationLint=lint)
    result = commands.run("db", "lint")
    where = "SQLite and the local D1" if on_d1 else "SQLite by D1's rules"
    assert (result.stdout, result.stderr) == ("", f"7 migrations judged, on {where}.\n")
    assert lint.named("of") == {"applied": ()}
    assert document(commands.run("db", "lint", "--json")) == {"files": 7}
    changing(commands, applied={"0001.sql"})
    commands.run("db", "lint", "-s", "local")
    assert lint.named("of") == {"applied": {"0001.sql"}}


def test_a_migration_that_would_be_refused_closes_the_gate(commands: Commands) -> None:
    commands.replace("db.schema", MigrationLint=Noted(of=linted("it drops a table")))
    result = commands.run("db", "lint")
    assert result.stdout == "it drops a table\n"
    assert "1 problem in the migration files" in failed_with(result, GateClosed)


def test_migrations_may_be_tried_on_a_copy(commands: Commands) -> None:
    lint = Noted(on_copy=linted())
    commands.replace("db.schema", MigrationLint=lint)
    changing(commands)
    refused = failed_with(commands.run("db", "lint", "--copy"), UsageError)
    assert refused.startswith("--copy needs the stack whose rows are copied")
    result = commands.run("db", "lint", "--copy", "-s", "local")
    assert result.stderr == "7 migrations judged, on a copy in D1.\n"
    assert lint.given("on_copy") == ("database", "project")


@pytest.mark.parametrize("is_development", [True, False])
def test_pending_migrations_are_tried_before_they_are_applied(
    commands: Commands, is_development: bool
) -> None:
    lint = Noted(on_copy=linted())
    commands.replace("db.schema", MigrationLint=lint)
    changes = changing(commands, migrate=("0001.sql", "0002.sql"))
    commands.context = SimpleNamespace(is_development=is_development)
    lines = commands.run("db", "migrate").stdout.splitlines()
    assert lines[-3].startswith("✓ Migrations of 'local' applied 2 applied (")
    assert lines[-2:] == ["  0001.sql", "  0002.sql"]
    assert len(lines) == (3 if is_development else 4)
    assert lint.called == ([] if is_development else ["on_copy"])
    found = document(commands.run("db", "migrate", "--json"))
    assert found == {"applied": ["0001.sql", "0002.sql"]}
    changes.answers["migrate"] = ()
    assert "applied nothing was pending (" in commands.run("db", "migrate").stdout
    commands.context = SimpleNamespace(is_development=False)
    lint.answers["on_copy"] = linted("it fails on row 7")
    before = changes.called.count("migrate")
    result = commands.run("db", "migrate")
    assert "it fails on row 7" in result.stderr
    failed_with(result, GateClosed)
    assert changes.called.count("migrate") == before


def test_productions_schema_changes_with_its_name_only(commands: Commands) -> None:
    commands.replace("db.schema", MigrationLint=Noted(on_copy=linted()))
    changes = changing(commands, migrate=())
    commands.context = SimpleNamespace(is_development=False)
    refused = failed_with(commands.run("db", "migrate", "-s", "production"), UsageError)
    assert "This changes the schema of 'production': confirm it by" in refused
    assert changes.called == []
    commands.run("db", "migrate", "-s", "production", "--confirm", "production")
    assert changes.called == ["migrate"]


def test_a_level_is_gone_back_to_by_the_code_that_serves(commands: Commands) -> None:
    made: list[Any] = []

    @dataclass(frozen=True)
    class Database:
        code_level: int = 0

    @dataclass(frozen=True)
    class Down:
        database: Database

        def down(self, level: int) -> tuple[str, ...]:
            made.append((self.database.code_level, level))
            return ("0004.sql",)

    commands.replace(
        "db.schema", _all_changes=lambda _: [Down(Database())], active_level=lambda _: 3
    )
    refused = failed_with(commands.run("db", "down", "--to", "2"), UsageError)
    assert "takes the schema of 'local' back to level 2: confirm it by" in refused
    result = commands.run("db", "down", "--to", "2", "--confirm", "local")
    assert "✓ Schema of 'local' back at level 2 1 undone (" in result.stdout
    assert result.stdout.endswith("  0004.sql\n")
    assert made == [(3, 2)]
    found = document(commands.run("db", "down", "--to", "2", "--confirm", "local", "--json"))
    assert found == {"undone": ["0004.sql"]}


def test_every_database_is_migrated_and_what_one_has_already_counts_once(
    commands: Commands,
) -> None:
    lint = Noted(on_copy=linted(), of=linted())
    first = Changes(migrate=("0002.sql",), applied={"0001.sql"})
    other = Changes(migrate=("0001.sql", "0002.sql"), applied=set())
    commands.replace("db.schema", MigrationLint=lint, _all_changes=lambda _: [first, other])
    commands.context = SimpleNamespace(is_development=False)
    found = document(commands.run("db", "migrate", "--json"))
    assert found == {"applied": ["0002.sql", "0001.sql"]}
    assert lint.called == ["on_copy", "on_copy"]
    # A migration that one database lacks is still judged.
    commands.run("db", "lint", "-s", "local")
    assert lint.named("of") == {"applied": set()}


def test_a_database_that_may_not_go_back_is_asked_before_the_first_one_does(
    commands: Commands,
) -> None:
    @dataclass(frozen=True)
    class Down:
        database: Any
        calls: list[str]
        refused: GateClosed | None = None

        def above(self, level: int) -> tuple[str, ...]:
            self.calls.append(f"above {level}")
            if self.refused:
                raise self.refused
            return ()

        def down(self, level: int) -> tuple[str, ...]:
            self.calls.append(f"down {level}")
            return ("0004.sql",)

    @dataclass(frozen=True)
    class Database:
        code_level: int = 0

    calls: list[str] = []
    both = [Down(Database(), calls), Down(Database(), calls, GateClosed("The code needs it."))]
    commands.replace("db.schema", _all_changes=lambda _: both, active_level=lambda _: 3)
    result = commands.run("db", "down", "--to", "2", "--confirm", "local")
    assert failed_with(result, GateClosed) == "The code needs it."
    assert calls == ["above 2"]
    both[1] = Down(Database(), calls)
    calls.clear()
    result = commands.run("db", "down", "--to", "2", "--confirm", "local")
    assert result.stdout.endswith("  0004.sql\n")
    assert calls == ["above 2", "down 2", "down 2"]


def test_a_migration_is_written_with_what_it_loses(commands: Commands) -> None:
    difference = SimpleNamespace(statements=("DROP TABLE a",), loses_data=("a",))
    commands.replace(
        "db.schema",
        open_project=lambda _: None,
        write_migration=lambda _, name: (Path(f"{name}.sql"), Path(f"{name}.down.sql"), difference),
    )
    result = commands.run("db", "generate", "add")
    assert result.stdout == "add.sql\nadd.down.sql\n"
    assert result.stderr.splitlines() == [
        "warning: the content of a is lost",
        "Review both, then try them: notifyctl db migrate --stack local",
    ]
    assert document(commands.run("db", "generate", "add", "--json")) == {
        "up": "add.sql",
        "down": "add.down.sql",
        "statements": ["DROP TABLE a"],
        "loses_data": ["a"],
    }


def test_a_push_is_for_development_and_loses_nothing_unasked(commands: Commands) -> None:
    planned = SimpleNamespace(statements=("DROP TABLE a",), loses_data=("a", "b"))
    changes = changing(commands, difference=planned)
    commands.context = SimpleNamespace(is_development=False, stack="staging")
    refused = failed_with(commands.run("db", "push", "-s", "staging"), GateClosed)
    assert "'db push' is for stacks whose environment is development, and 'staging'" in refused
    commands.context = SimpleNamespace(is_development=True)
    refused = failed_with(commands.run("db", "push"), GateClosed)
    assert refused == "This would lose the content of a, b. Give --yes."
    assert "push" not in changes.called
    result = commands.run("db", "push", "--yes")
    assert (result.stdout, result.stderr) == ("DROP TABLE a\n", "1 statements run.\n")
    assert changes.given("push") == (planned,)
    found = document(commands.run("db", "push", "-y", "--json"))
    assert found == {"statements": ["DROP TABLE a"]}
    planned.loses_data = ()
    assert commands.run("db", "push").exit_code == 0


def test_a_push_takes_every_database_and_says_each_statement_once(commands: Commands) -> None:
    one = SimpleNamespace(statements=("CREATE TABLE a", "DROP TABLE b"), loses_data=("b",))
    other = SimpleNamespace(statements=("DROP TABLE b", "DROP TABLE c"), loses_data=("b", "c"))
    both = [Changes(difference=one), Changes(difference=other)]
    commands.replace("db.schema", _all_changes=lambda _: both)
    commands.context = SimpleNamespace(is_development=True)
    refused = failed_with(commands.run("db", "push"), GateClosed)
    assert refused == "This would lose the content of b, c. Give --yes."
    assert [each.called for each in both] == [["difference"]] * 2
    result = commands.run("db", "push", "--yes")
    assert result.stdout == "CREATE TABLE a\nDROP TABLE b\nDROP TABLE c\n"
    assert [each.given("push") for each in both] == [(one,), (other,)]


def test_a_copy_of_every_database_is_judged_and_a_problem_of_one_is_enough(
    commands: Commands,
) -> None:
    found = {"a": linted(), "b": linted("it fails on row 7"), "c": linted()}
    asked: list[str] = []

    def on_copy(database: str, _: Any) -> Any:
        asked.append(database)
        return found[database]

    every = [SimpleNamespace(database=name, project=None) for name in found]
    commands.replace(
        "db.schema", MigrationLint=SimpleNamespace(on_copy=on_copy), _all_changes=lambda _: every
    )
    result = commands.run("db", "lint", "--copy", "-s", "local")
    assert result.stdout == "it fails on row 7\n"
    failed_with(result, GateClosed)
    assert asked == ["a", "b", "c"]


@pytest.mark.parametrize("is_development", [True, False])
def test_a_reset_needs_a_backup_outside_development(
    commands: Commands, is_development: bool, tmp_path: Path
) -> None:
    changes = changing(commands, reset=("0001.sql",))
    backups, folders = Noted(), []

    def made(database: Any, folder: Path) -> Noted:
        folders.append((database, folder))
        return backups

    commands.replace("db.schema", Backups=made)
    commands.context = SimpleNamespace(is_development=is_development)
    refused = failed_with(commands.run("db", "reset"), UsageError)
    assert "This removes everything in the database of 'local': confirm it by" in refused
    assert changes.called == []
    arguments = ("db", "reset", "--confirm", "local", "--folder", str(tmp_path))
    result = commands.run(*arguments)
    assert result.stdout.endswith("  0001.sql\n")
    assert document(commands.run(*arguments, "--json")) == {"applied": ["0001.sql"]}
    if is_development:
        assert folders == []
        return
    assert folders[1:] == [("database", tmp_path)] * 2
    assert backups.named("require_fresh") == {"what": "A reset"}
    backups.answers["require_fresh"] = GateClosed("Too old.")
    assert failed_with(commands.run(*arguments), GateClosed) == "Too old."
    assert changes.called == ["reset", "reset"]


# seed


def seeded(commands: Commands, *arguments: str) -> tuple[Result, list[Any]]:
    made: list[Any] = []

    def data(_: Any, target: str) -> Any:
        def write(**counts: int) -> dict[str, int]:
            made.append((target, counts))
            return {"sends": 10, "delivered": 9}

        return SimpleNamespace(write=write)

    commands.replace("db.test_data", TestData=data, connect=lambda _: nullcontext(None))
    return commands.run("db", "seed", *arguments), made


def test_test_data_goes_to_the_local_sink(commands: Commands) -> None:
    result, made = seeded(commands)
    port = commands.context.project.ports.sink
    assert made == [(f"http://127.0.0.1:{port}/hook", {"users": 5, "sends": 2})]
    assert "✓ Test data in 'local' 5 users, 9 of 10 sends delivered (" in result.stdout
    result, made = seeded(
        commands, "--users", "1", "--sends", "0", "--endpoint", "https://h.example/x/", "--json"
    )
    assert document(result) == {"sends": 10, "delivered": 9}
    assert made == [("https://h.example/x", {"users": 1, "sends": 0})]


@pytest.mark.parametrize(
    ("is_development", "is_local", "error", "said"),
    [
        (False, True, GateClosed, "'dev' isn't a development stack"),
        (True, False, UsageError, "Give --endpoint"),
    ],
)
def test_test_data_has_its_place(
    commands: Commands,
    is_development: bool,
    is_local: bool,
    error: type[Exception],
    said: str,
) -> None:
    commands.context = SimpleNamespace(is_development=is_development, is_local=is_local)
    result, made = seeded(commands, "-s", "dev")
    assert said in failed_with(result, error)
    assert made == []


class Shown:
    """What the studio was given, in place of Datasette."""

    def __init__(self, commands: Commands, databases: Sequence[str] = ("one",)) -> None:
        self.exported: list[str] = []
        self.unpacked: list[str] = []
        self.snapshots: dict[str, str] = {}
        self.port: int | None = None
        shown = self

        class Studio:
            def __init__(self, *snapshots: Snapshot) -> None:
                assert all(each.sql.parent.is_dir() for each in snapshots)
                assert len({each.sql for each in snapshots}) == len(snapshots)
                shown.snapshots = {each.shown_as: each.sql.name for each in snapshots}

            def serve(self, port: int, *, ready: Any) -> None:
                shown.port = port
                ready("http://127.0.0.1:9/")

        def taken_now(database: Any, sql: Path, told: Any) -> Snapshot:
            shown.exported.append(database.name)
            return Snapshot("local", datetime.now(UTC) - timedelta(minutes=150), sql)

        def of_backup(file: Any, sql: Path, passphrase: str | None) -> Snapshot:
            shown.unpacked.append(file.path.name)
            return Snapshot("local", datetime.now(UTC) - timedelta(minutes=150), sql)

        commands.replace(
            "db.inspection",
            Studio=Studio,
            Snapshot=SimpleNamespace(taken_now=taken_now, of_backup=of_backup),
            BackupFile=SimpleNamespace(
                read=lambda path: SimpleNamespace(is_sealed=False, path=path)
            ),
            StackDatabase=SimpleNamespace(
                all_of=lambda _: [SimpleNamespace(name=name) for name in databases]
            ),
        )


def test_the_studio_shows_an_export_at_its_address(commands: Commands) -> None:
    shown = Shown(commands)
    told = commands.run("db", "studio", "--port", "7").stdout
    assert re.fullmatch(
        r"Snapshot of 'local', taken .* UTC, 2 hours old: http://127.0.0.1:9/\nCtrl-C ends it.\n",
        told,
    )
    assert (shown.port, shown.exported, shown.snapshots) == (7, ["one"], {"local": "one.sql"})


def test_the_studio_shows_a_backup_and_exports_nothing(commands: Commands, tmp_path: Path) -> None:
    shown = Shown(commands, ("one", "two"))
    assert commands.run("db", "studio", "--backup", str(tmp_path / "b.json")).exit_code == 0
    assert (shown.exported, shown.unpacked) == ([], ["b.json"])
    assert shown.snapshots == {"local": "b.sql"}


def test_the_studio_shows_several_databases_beside_each_other(commands: Commands) -> None:
    shown = Shown(commands, ("one", "two"))
    told = commands.run("db", "studio").stdout
    assert told.startswith("2 databases, the oldest one a snapshot of 'local', taken ")
    assert shown.exported == ["one", "two"]
    assert shown.snapshots == {"one": "one.sql", "two": "two.sql"}


def test_the_studio_exports_the_database_that_is_chosen_alone(commands: Commands) -> None:
    shown = Shown(commands, ("one", "two"))
    assert commands.run("db", "studio", "--database", "1").exit_code == 0
    assert (shown.exported, shown.snapshots) == (["two"], {"local": "two.sql"})
    refused = failed_with(commands.run("db", "studio", "--database", "2"), UsageError)
    assert "has no database 2. Choose one from 0 to 1" in refused


def test_the_studio_shows_the_backups_of_several_databases(
    commands: Commands, tmp_path: Path
) -> None:
    shown = Shown(commands, ("one", "two"))
    both = [tmp_path / "a.sql.gz", tmp_path / "b.sql.gz.age"]
    chosen = [text for path in both for text in ("--backup", str(path))]
    assert commands.run("db", "studio", *chosen).exit_code == 0
    assert shown.snapshots == {"a": "a.sql", "b": "b.sql"}
    twice = commands.run("db", "studio", *chosen[:2], *chosen[:2])
    assert "Two of the backups have the same name" in failed_with(twice, UsageError)
    idle = commands.run("db", "studio", *chosen[:2], "--database", "0")
    assert "--backup exports nothing" in failed_with(idle, UsageError)
