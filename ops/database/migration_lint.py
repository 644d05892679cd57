"""Judging the project's migration files before anything is applied."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import httpx

from infra.migrations.d1 import D1Database
from infra.migrations.errors import MigrationError
from infra.migrations.ledger import Ledger
from infra.migrations.lint import Problem, lint, lint_on_copy
from infra.migrations.schema import Queries
from localcloud.endpoints import ACCOUNT_ID
from localcloud.home import CloudHome
from ops.database.backup import Backups
from ops.database.stack_database import StackDatabase, migrations
from ops.stacks.errors import OperationError
from ops.stacks.local_cloud import local_cloud_status
from ops.stacks.project import Project


@dataclass(frozen=True)
class MigrationLint:
    """What was found.

    Attributes:
        files: how many migrations were judged.
        problems: what is wrong, in the order of the files.
        on_d1: whether they were tried on the local cloud's D1 too, and not on SQLite under D1's
            rules alone.
    """

    files: int
    problems: Sequence[Problem]
    on_d1: bool

    @classmethod
    def of(
        cls, project: Project, *, applied: Collection[str] = (), asks_d1: bool = True
    ) -> MigrationLint:
        """Judge the files that aren't applied, on SQLite and, where it runs, on the local D1.

        Args:
            project: whose files.
            applied: names of files that are run and not judged.
            asks_d1: whether the local D1 is tried as well, which takes several times as long.

        Raises:
            OperationError: the files can't be read as migrations.
        """
        files = migrations(project)
        judged = sum(migration.name not in applied for migration in files)
        problems = lint(files, applied=applied)
        on_d1 = asks_d1 and local_cloud_status(project).get("state") == "ready"
        if on_d1 and judged and not problems:
            try:
                problems = lint(files, applied=applied, scratch=lambda: local_d1(project))
            except MigrationError as error:
                raise OperationError(f"The local cloud's D1 gave no answer: {error}") from None
        return cls(judged, problems, on_d1)

    @classmethod
    def on_copy(cls, database: StackDatabase, project: Project) -> MigrationLint:
        """Judge the files that a stack's database hasn't got on a copy of its own rows.

        Raises:
            OperationError: the files can't be read, or no copy can be made.
        """
        files = migrations(project)
        with database.connected() as connected:
            applied = {row.name for row in Ledger(connected).applied()}
        pending = [migration for migration in files if migration.name not in applied]
        if not pending:
            return cls(0, (), on_d1=True)
        folder = Path(gettempdir())
        with Backups(database, folder).copied() as copy, copy.connected() as connected:
            return cls(len(pending), lint_on_copy(connected, pending), on_d1=True)

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {
            "ok": not self.problems,
            "files": self.files,
            "on_d1": self.on_d1,
            "problems": [problem.document() for problem in self.problems],
        }


@contextmanager
def local_d1(project: Project) -> Iterator[Queries]:
    """Make a scratch database in the local cloud that runs, and remove it at the end.

    Raises:
        OperationError: the local cloud refused it.
    """
    control_url = str(local_cloud_status(project).get("control_url", ""))
    token = CloudHome(project.home).api_token()
    base = f"{control_url}/accounts/{ACCOUNT_ID}/d1/database"
    with httpx.Client(
        headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60.0
    ) as client:
        try:
            answer = client.post(base, json={"name": f"scratch-{secrets.token_hex(8)}"})
            database_id = str(answer.raise_for_status().json()["result"]["uuid"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise OperationError(
                f"The local cloud made no scratch database ({type(error).__name__}). Try again, or "
                "stop it: notifyctl local stop"
            ) from None
        try:
            with D1Database(
                account_id=ACCOUNT_ID, database_id=database_id, base_url=control_url, token=token
            ) as database:
                yield database
        finally:
            client.delete(f"{base}/{database_id}")
