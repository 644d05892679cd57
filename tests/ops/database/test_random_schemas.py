# ruff: noqa: S608  every name in these statements is made up here
"""Random schemas go through lint, migrate, backup, restore and down without losing a row."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.migrations.contents import Contents
from infra.migrations.d1 import D1Database, Statement
from infra.migrations.errors import MigrationError
from infra.migrations.file_reading import FileReading
from infra.migrations.files import MigrationSet
from infra.migrations.lint import DEFER, lint
from infra.migrations.migrator import Migrator
from infra.migrations.sample_rows import sample_rows, without_triggers
from infra.migrations.schema import read_objects
from infra.migrations.scratch import ScratchDatabase
from infra.migrations.statements import split_statements
from ops.database.dump import dumped
from ops.database.schema_difference import SchemaDifference
from ops.database.table_sum import sums
from ops.database.tables import clearing
from ops.stacks.errors import UsageError
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api
from tests.infra.stack_inputs import write_migrations

ACTIONS = ("CASCADE", "SET NULL", "RESTRICT", "NO ACTION")
CHECKS = ("", ", CHECK (v0 IS NULL OR length(v0) < 200)")


class RandomSchema:
    """Tables that refer to others and to themselves; views, triggers, generated columns."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  repeatable, nothing secret
        self.names = [f"t{at}" for at in range(self.chance.randint(1, 4))]
        self.statements = [self._table(at) for at in range(len(self.names))]
        self.statements += self._others()

    def _table(self, at: int) -> str:
        name, chance = self.names[at], self.chance
        lines = [f"id INTEGER PRIMARY KEY{chance.choice(['', ' AUTOINCREMENT'])}", "v0 TEXT"]
        lines += [f"v{n} {chance.choice(['TEXT', 'INTEGER', 'BLOB', 'REAL'])}" for n in (1, 2)]
        if chance.random() < 0.3:
            lines.append("made TEXT GENERATED ALWAYS AS (v0 || 'x') VIRTUAL")
        for number in range(chance.randint(0, 2)):
            parent = chance.choice(self.names[: at + 1])
            # A row that refers to its own table under RESTRICT could never be removed with it.
            actions = ACTIONS[:2] if parent == name else ACTIONS
            parent = parent.upper() if chance.random() < 0.3 else parent
            lines.append(
                f"r{number} INTEGER REFERENCES {parent} (id) ON DELETE {chance.choice(actions)}"
            )
        check = chance.choice(CHECKS)
        return f"CREATE TABLE {name} ({', '.join(lines)}{check})"

    def _others(self) -> list[str]:
        name, chance = self.chance.choice(self.names), self.chance
        found = []
        if chance.random() < 0.6:
            found.append(f"CREATE INDEX by_v0 ON {name} (v0)")
        if chance.random() < 0.5:
            found.append(f"CREATE VIEW shown AS SELECT id, v0 FROM {name}")
        if chance.random() < 0.5:
            found.append(
                f"CREATE TRIGGER echo AFTER UPDATE OF v1 ON {name} BEGIN "
                f"UPDATE {name} SET v2 = NULL WHERE id = NEW.id; END"
            )
        return found

    def down(self) -> list[str]:
        """Statements that remove everything, the youngest first."""
        words = [statement.split() for statement in reversed(self.statements)]
        drops = [f"DROP {kind} {name}" for _, kind, name, *_ in words]
        return ["PRAGMA defer_foreign_keys = TRUE", *drops]

    def edit(self) -> tuple[str, str]:
        """The next migration and its way back: half of them harmless, half of them dangerous."""
        name, chance = self.chance.choice(self.names), self.chance
        add, back = f"ALTER TABLE {name} ADD COLUMN extra", f"ALTER TABLE {name} DROP COLUMN extra"
        copied = f"SELECT id, v0, v1, v2 FROM {name}"
        rename = f"DROP TABLE {name}; ALTER TABLE copy RENAME TO {name};"
        nothing = "SELECT 1;"
        edits = [
            (f"{add} TEXT DEFAULT 'x';", f"{back};"),
            ("CREATE TABLE extra (id INTEGER PRIMARY KEY, v TEXT);", "DROP TABLE extra;"),
            (f"CREATE INDEX by_v1 ON {name} (v1);", "DROP INDEX by_v1;"),
            (f"CREATE VIEW more AS SELECT v1 FROM {name};", "DROP VIEW more;"),
            (f"{add} TEXT; UPDATE {name} SET extra = v0;", f"{back};"),
            (f"DELETE FROM {name} WHERE id > 2;", nothing),
            (f"UPDATE {name} SET v0 = 'lost';", nothing),
            (f"INSERT OR REPLACE INTO {name} (id, v0, v1, v2) {copied};", nothing),
            (f"DROP TABLE {name};", nothing),
            (f"ALTER TABLE {name} DROP COLUMN v2;", nothing),
            (f"CREATE TABLE copy AS {copied}; {rename}", nothing),
        ]
        return chance.choice(edits)

    def wanted(self) -> list[str]:
        """The schema as a person edits it: something more, something changed, nothing lost."""
        chance = self.chance
        place = chance.randrange(len(self.names))
        table = self.statements[place]
        changed = {
            "a column in the middle": table.replace("v0 TEXT", "v0 TEXT, wanted TEXT", 1),
            "a default": table.replace("v0 TEXT", "v0 TEXT DEFAULT 'none'", 1),
            "a rule": f"{table[:-1]}, CHECK (id > 0))",
        }
        found = list(self.statements)
        if chance.random() < 0.7:
            found[place] = changed[chance.choice(sorted(changed))]
        others = range(len(self.names), len(self.statements))
        if others and chance.random() < 0.3:
            del found[chance.choice(others)]
        if chance.random() < 0.5:
            found.append("CREATE TABLE wanted (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT)")
            found.append("CREATE INDEX wanted_by_v ON wanted (v)")
        if chance.random() < 0.3:
            found.append(f"CREATE VIEW wanted_view AS SELECT id FROM {chance.choice(self.names)}")
        return found


def database(api: D1Api) -> D1Database:
    return D1Database(account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api)


def text(statements: Sequence[str]) -> str:
    return "".join(f"{statement};\n" for statement in statements)


def one_life(seed: int, folder: Path) -> bool:
    """Take one schema through everything; whether its second migration was applied."""
    schema = RandomSchema(seed)
    first = {"0001_a.sql": text(schema.statements), "0001_a.down.sql": text(schema.down())}
    api = D1Api()
    live = database(api)
    base = MigrationSet.read(write_migrations(folder / f"{seed}-1", first))
    assert lint(base) == [], seed
    Migrator(live, sleep=api.sleep).apply(base)
    rows, without = sample_rows(live)
    assert without == [], seed
    live.batch([DEFER, *without_triggers(read_objects(live), rows)])
    before = Contents.read(live)
    assert all(before.rows.values()), f"seed {seed}: a table is empty"

    up, down = schema.edit()
    both = {**first, "0002_b.sql": f"{up}\n", "0002_b.down.sql": f"{down}\n"}
    files = MigrationSet.read(write_migrations(folder / f"{seed}-2", both))
    judged = lint(files, applied=["0001_a.sql"])
    try:
        Migrator(live, sleep=api.sleep).apply(files)
        applied = True
    except MigrationError:
        applied = False
    after = Contents.read(live)
    assert before.losses(after, FileReading.of(files.migrations[1].statements).changes) == [], seed
    assert applied or judged, f"seed {seed}: {up} is judged safe and was refused"
    assert not applied or not judged, f"seed {seed}: {up} is judged unsafe and was applied"

    _survives_a_restore(live, seed)
    if applied:
        Migrator(live, sleep=api.sleep).roll_back(files, to_level=1)
        assert before.losses(Contents.read(live)) == [], seed
        assert before.leftovers(Contents.read(live)) == [], seed
    return applied


def one_generated(seed: int, folder: Path) -> int:
    """Generate what leads to an edited schema, and back; how many statements it took.

    None where nothing was edited, or a table that others refer to would have to be built anew:
    that one is written by hand.
    """
    schema = RandomSchema(seed)
    first = {"0001_a.sql": text(schema.statements), "0001_a.down.sql": text(schema.down())}
    wanted = schema.wanted()
    try:
        difference = SchemaDifference.between(schema.statements, wanted)
        back = SchemaDifference.between(wanted, schema.statements)
    except UsageError as refused:
        assert str(refused).endswith("Write this migration by hand."), seed  # noqa: PT017
        return 0
    assert difference.loses_data == (), seed
    if not difference.statements:
        return 0
    api = D1Api()
    live = database(api)
    base = MigrationSet.read(write_migrations(folder / f"{seed}-1", first))
    Migrator(live, sleep=api.sleep).apply(base)
    rows, _ = sample_rows(live)
    live.batch([DEFER, *without_triggers(read_objects(live), rows)])
    before = Contents.read(live)

    both = {
        **first,
        "0002_b.sql": text(difference.statements),
        "0002_b.down.sql": text(back.statements),
    }
    files = MigrationSet.read(write_migrations(folder / f"{seed}-2", both))
    problems = lint(files, applied=["0001_a.sql"])
    assert problems == [], f"seed {seed}: {problems[0]}"
    Migrator(live, sleep=api.sleep).apply(files)
    after = Contents.read(live)
    assert before.losses(after, FileReading.of(files.migrations[1].statements).changes) == [], seed
    there = [o.sql for o in read_objects(live)]
    assert SchemaDifference.between(there, wanted).statements == (), seed
    _survives_a_restore(live, seed)
    Migrator(live, sleep=api.sleep).roll_back(files, to_level=1)
    assert before.losses(Contents.read(live)) == [], seed
    assert before.leftovers(Contents.read(live)) == [], seed
    return len(difference.statements)


def _survives_a_restore(live: D1Database, seed: int) -> None:
    dump = "".join(dumped(live, read_objects(live, with_ledger=True)))
    wanted, objects = sums(live), {(o.kind, o.name, o.plain) for o in read_objects(live)}
    with ScratchDatabase() as scratch:
        for _ in range(2):  # into an empty database, and over what is there
            statements = [*clearing(scratch), *split_statements(dump)]
            scratch.batch([Statement(statement) for statement in statements])
            assert sums(scratch) == wanted, seed
            assert {(o.kind, o.name, o.plain) for o in read_objects(scratch)} == objects, seed
            assert scratch.batch([Statement("PRAGMA foreign_key_check")]) == [[]], seed


def lives(seeds: range, folder: Path) -> int:
    """How many second migrations were applied."""
    return sum(one_life(seed, folder) for seed in seeds)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t" * 40)


def test_random_schemas_lose_no_row_on_their_way(tmp_path: Path) -> None:
    applied = lives(range(30), tmp_path)
    assert 5 < applied < 25


@pytest.mark.soak
def test_a_thousand_random_schemas_lose_no_row_on_their_way(tmp_path: Path) -> None:
    applied = lives(range(1000, 2000), tmp_path)
    assert 300 < applied < 700


def generated(seeds: range, folder: Path) -> list[int]:
    """How many statements each generated migration has."""
    return [one_generated(seed, folder) for seed in seeds]


def test_generated_migrations_lose_no_row_there_and_back(tmp_path: Path) -> None:
    counts = generated(range(30), tmp_path)
    assert max(counts) > 4
    assert sum(map(bool, counts)) > 20


@pytest.mark.soak
def test_a_thousand_generated_migrations_lose_no_row_there_and_back(tmp_path: Path) -> None:
    assert sum(map(bool, generated(range(3000, 4000), tmp_path))) > 700
