"""The ledger of applied migrations: wrangler's table `d1_migrations`, with columns of our own."""

import re
from typing import NamedTuple

from notification.ports.database import Database, DatabaseError, Statement


class Migration(NamedTuple):
    """A forward migration as the bundle carries it.

    A code's level is that of the newest migration it came with.

    Attributes:
        sha256: the hash of its file.
        min_code: the lowest code level that works on the schema after it.
        max_code: the highest such code level.
        statements: what its file contains.
    """

    name: str
    level: int
    sha256: str
    min_code: int
    max_code: int
    statements: tuple[str, ...]


_TABLES = Statement(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    " AND name NOT LIKE '~_cf~_%' ESCAPE '~' ORDER BY name"
)
LEDGER = "d1_migrations"
_OWN_COLUMNS = {"sha256": "TEXT", "level": "INTEGER", "min_code": "INTEGER", "max_code": "INTEGER"}
_DECLARED = ", ".join(f"{name} {kind}" for name, kind in _OWN_COLUMNS.items())
_APPLIED = Statement(f"SELECT name FROM {LEDGER} ORDER BY id")  # noqa: S608 - a constant of this module
_COLUMNS = Statement(f"SELECT name FROM pragma_table_info('{LEDGER}')")  # noqa: S608 - as above
_CREATE = Statement(
    f"CREATE TABLE IF NOT EXISTS {LEDGER}("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, "
    f"applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL, {_DECLARED})"
)
_RECORD = (
    f"INSERT INTO {LEDGER} (name, {', '.join(_OWN_COLUMNS)})"  # noqa: S608 - as above
    " VALUES (?1, ?2, ?3, ?4, ?5)"
)
_CREATED = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?\"?(\w+)", re.IGNORECASE)
_DROPPED = re.compile(r"DROP TABLE (?:IF EXISTS )?\"?(\w+)", re.IGNORECASE)


class SchemaState(NamedTuple):
    """The existing tables, and the migrations that are applied and pending."""

    tables: list[str]
    applied: list[str]
    pending: list[Migration]


class MigrationFailure(Exception):
    """The database refused a migration, and is as it was before it."""

    def __init__(self, name: str, done: list[str]) -> None:
        super().__init__(name)
        self.name = name
        self.done = done


def expected_tables(migrations: tuple[Migration, ...]) -> list[str]:
    """Return the tables that exist once all migrations are applied."""
    tables: dict[str, None] = {}
    for statement in (s for migration in migrations for s in migration.statements):
        created, dropped = _CREATED.match(statement), _DROPPED.match(statement)
        if created:
            tables[created[1]] = None
        elif dropped:
            tables.pop(dropped[1], None)
    return sorted(tables)


async def read_state(database: Database, migrations: tuple[Migration, ...]) -> SchemaState:
    """Read the tables and the ledger.

    Raises:
        DatabaseError: the database did not answer.
    """
    [found] = await database.batch([_TABLES])
    tables = [str(row["name"]) for row in found.rows]
    applied: list[str] = []
    if LEDGER in tables:
        [rows] = await database.batch([_APPLIED])
        applied = [str(row["name"]) for row in rows.rows]
    pending = [migration for migration in migrations if migration.name not in applied]
    # The ledger, and a deployment's lease beside it, are no tables of the service.
    shown = [name for name in tables if not name.startswith(LEDGER)]
    return SchemaState(shown, applied, pending)


async def apply_pending(database: Database, pending: list[Migration]) -> list[str]:
    """Apply each migration and its ledger entry in one transaction, and return their names.

    Raises:
        MigrationFailure: one was refused; those before it stay applied.
    """
    await _prepare(database)
    done: list[str] = []
    for migration in pending:
        m = migration
        record = Statement(_RECORD, (m.name, m.sha256, m.level, m.min_code, m.max_code))
        try:
            await database.batch([*map(Statement, migration.statements), record])
        except DatabaseError:
            raise MigrationFailure(migration.name, done) from None
        done.append(migration.name)
    return done


async def _prepare(database: Database) -> None:
    _, columns = await database.batch([_CREATE, _COLUMNS])
    present = {row["name"] for row in columns.rows}
    missing = [
        Statement(f"ALTER TABLE {LEDGER} ADD COLUMN {name} {kind}")
        for name, kind in _OWN_COLUMNS.items()
        if name not in present
    ]
    if missing:
        await database.batch(missing)
