"""A stack's database on SQLite in this process, behind D1's query endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.migrations.d1 import D1Database
from infra.migrations.errors import MigrationError
from infra.migrations.files import MigrationFileError
from ops.database.stack_database import StackDatabase
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from ops.stacks.project import Project
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class SqliteDatabase(StackDatabase):
    """`api` is where its statements arrive; `account_name` is what the account calls it."""

    api: D1Api = field(default_factory=D1Api)
    account_name: str = "notify-dev"

    @contextmanager
    def connected(self) -> Iterator[D1Database]:
        try:
            with D1Database(
                account_id=ACCOUNT,
                database_id=DATABASE,
                base_url=BASE_URL,
                token=self.account.token,
                transport=self.api,
            ) as database:
                yield database
        except (MigrationError, MigrationFileError) as error:
            raise OperationError(str(error)) from None

    def described(self) -> Mapping[str, Any]:
        return {"name": self.account_name, "file_size": 4096}


def sqlite_database(*, code_level: int = 0, account_name: str = "notify-dev") -> SqliteDatabase:
    """Return an empty database of the stack `dev`."""
    account = StackAccount("dev", ACCOUNT, BASE_URL, True, "t" * 40)
    return SqliteDatabase(account, DATABASE, "notify-dev", code_level, account_name=account_name)


def project(root: Path = ROOT) -> Project:
    """Return the project whose migrations are meant."""
    return Project(root=root, home=root / ".local")
