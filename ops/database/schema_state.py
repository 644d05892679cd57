"""What state a database's schema is in, against the migration files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.migrations.files import MigrationSet
from infra.migrations.ledger import Applied, Ledger
from infra.migrations.schema import quoted
from ops.database.stack_database import StackDatabase, migrations
from ops.database.tables import table_names
from ops.stacks.moment import counted, kibibytes
from ops.stacks.project import Project

_CREATED = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class SchemaState:
    """The database of a stack as it is.

    Attributes:
        stack: the stack's name.
        name: the database's name in the outputs.
        database_id: its id in the outputs.
        found_name: the name under which the account has that id.
        size: of the file, in bytes.
        tables: rows of each table.
        missing: tables that the schema wants and the database lacks.
        applied: the ledger.
        pending: migration files that aren't applied, by name.
        code_level: the level of the deployed code.
    """

    stack: str
    name: str
    database_id: str
    found_name: str
    size: int
    tables: Mapping[str, int]
    missing: Sequence[str]
    applied: Sequence[Applied]
    pending: Sequence[str]
    code_level: int

    @classmethod
    def read(cls, database: StackDatabase, project: Project) -> SchemaState:
        """Ask the account and the database.

        Raises:
            OperationError: the account doesn't know the database, or it doesn't answer.
        """
        described = database.described()
        names = table_names(database)
        counts = (
            database.batch(
                # The names are the schema's own, quoted as SQLite wants them.
                [f"SELECT count(*) AS n FROM {quoted(name)}" for name in names]  # noqa: S608
            )
            if names
            else []
        )
        with database.connected() as connected:
            applied = Ledger(connected).applied()
        files = migrations(project)
        schema = (project.root / "sql" / "schema.sql").read_text(encoding="utf-8")
        return cls(
            stack=database.stack,
            name=database.name,
            database_id=database.database_id,
            found_name=str(described.get("name", "")),
            size=int(described.get("file_size") or 0),
            tables={name: int(rows[0]["n"]) for name, rows in zip(names, counts, strict=True)},
            missing=sorted(set(_CREATED.findall(schema)) - set(names)),
            applied=applied,
            pending=_pending(files, applied),
            code_level=database.code_level,
        )

    @property
    def problem(self) -> str:
        """What is wrong, with the command that mends it; empty where nothing is."""
        if self.found_name != self.name:
            return (
                f"The account calls {self.database_id} '{self.found_name}' and the stack calls it "
                f"'{self.name}'. Compare them by 'notifyctl drift --stack {self.stack}'."
            )
        if self.missing or self.pending:
            lacks = []
            if self.pending:
                lacks.append(f"pending: {counted(len(self.pending), 'migration')}")
            if self.missing:
                lacks.append(f"tables are missing: {', '.join(self.missing)}")
            return f"{'; '.join(lacks)}. Run 'notifyctl db migrate --stack {self.stack}'."
        return ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "stack": self.stack,
            "database": {
                "id": self.database_id,
                "name": self.name,
                "account_name": self.found_name,
                "bytes": self.size,
            },
            "tables": dict(self.tables),
            "missing_tables": list(self.missing),
            "applied": [{"name": one.name, "sha256": one.sha256} for one in self.applied],
            "pending": list(self.pending),
            "code_level": self.code_level,
            "ok": not self.problem,
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield f"database  {self.name} ({self.database_id}), {kibibytes(self.size)}"
        last = self.applied[-1].name if self.applied else "none"
        yield f"schema    {counted(len(self.applied), 'migration')} applied, the last one {last}"
        yield f"code      of level {self.code_level}"
        for name in self.pending:
            yield f"pending   {name}"
        for name, rows in self.tables.items():
            yield f"  {rows:>9} {name}"
        for name in self.missing:
            yield f"    missing {name}"


def _pending(files: MigrationSet, applied: Sequence[Applied]) -> list[str]:
    names = {row.name for row in applied}
    return [migration.name for migration in files if migration.name not in names]
