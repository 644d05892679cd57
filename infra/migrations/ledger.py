"""The ledger of applied migrations: wrangler's table `d1_migrations`, with columns of our own.

wrangler reads and writes (id, name, applied_at); the other columns may be null, so that both can
use the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.migrations.d1 import D1Database, Row, Statement
from infra.migrations.errors import D1SqlError
from infra.migrations.files import Migration

TABLE = "d1_migrations"
"""The ledger's table; what helps it has a name that begins so, too (the lease)."""

SELECT_APPLIED = "SELECT * FROM d1_migrations ORDER BY id"

_CREATE = Statement(
    "CREATE TABLE IF NOT EXISTS d1_migrations("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, "
    "applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL, "
    "sha256 TEXT, level INTEGER, min_code INTEGER, max_code INTEGER)"
)
_OWN_COLUMNS = {"sha256": "TEXT", "level": "INTEGER", "min_code": "INTEGER", "max_code": "INTEGER"}
_COLUMNS = Statement("SELECT name FROM pragma_table_info('d1_migrations')")
_ROWS = Statement(SELECT_APPLIED)


@dataclass(frozen=True)
class Applied:
    """One row of the ledger. `sha256` is None where wrangler wrote the row."""

    name: str
    level: int
    sha256: str | None
    min_code: int

    @classmethod
    def of_row(cls, row: Row) -> "Applied":
        """Read one row of SELECT_APPLIED; wrangler's rows tell their level by their name."""
        name = str(row["name"])
        number = name.partition("_")[0]
        level = row.get("level") or (int(number) if number.isdecimal() else 0)
        return cls(name, int(level), row.get("sha256"), int(row.get("min_code") or 0))


class Ledger:
    """Reads the ledger, and gives the statements that write it within a migration's batch."""

    def __init__(self, database: D1Database) -> None:
        self._database = database

    def prepare(self, more: Sequence[Statement] = ()) -> None:
        """Create the table where there is none, add our columns to wrangler's; run `more` too."""
        columns = self._database.batch([_CREATE, *more, _COLUMNS])[-1]
        present = {column["name"] for column in columns}
        missing = [name for name in _OWN_COLUMNS if name not in present]
        if missing:
            self._database.batch(
                [
                    Statement(f"ALTER TABLE d1_migrations ADD COLUMN {name} {_OWN_COLUMNS[name]}")
                    for name in missing
                ]
            )

    def applied(self) -> tuple[Applied, ...]:
        """Return the rows in the order they were applied; none where there is no table yet."""
        try:
            rows, *_ = self._database.batch([_ROWS])
        except D1SqlError as error:
            if "no such table" in str(error):
                return ()
            raise
        return tuple(map(Applied.of_row, rows))

    @staticmethod
    def record(migration: Migration) -> Statement:
        """Return the statement that enters a migration; the unique name makes a second one fail."""
        return Statement(
            "INSERT INTO d1_migrations(name, sha256, level, min_code, max_code) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                migration.name,
                migration.sha256,
                str(migration.level),
                str(migration.min_code),
                str(migration.max_code),
            ),
        )

    @staticmethod
    def erase(migration: Migration) -> Statement:
        """Return the statement that takes a migration out."""
        return Statement("DELETE FROM d1_migrations WHERE name = ?", (migration.name,))
