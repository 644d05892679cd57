"""The D1 database of a deployed stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.migrations.d1 import D1Database, Row, Statement
from infra.migrations.errors import MigrationError
from infra.migrations.files import MigrationFileError, MigrationSet
from infra.migrations.location import MIGRATIONS
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment, short_version
from ops.stacks.choice import first_outputs
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, OperationError, StackFailed
from ops.stacks.project import Project


@dataclass(frozen=True)
class StackDatabase:
    """One stack's database, over Cloudflare's API and never through the Worker.

    Attributes:
        account: where it lies.
        database_id: its UUID.
        name: its name in the account.
        code_level: the level of the code that serves, as `serving_level`.
    """

    account: StackAccount
    database_id: str
    name: str
    code_level: int

    @classmethod
    def all_of(cls, context: StackContext) -> tuple[StackDatabase, ...]:
        """Find all databases by the stack's outputs, the first one first.

        A part must never be shown as the whole.

        Raises:
            StackFailed: the stack isn't deployed.
            UsageError: there is no token for the stack's account.
        """
        found = cls.find_all(context)
        if not found:
            raise StackFailed(
                f"The stack '{context.stack}' has no database yet. "
                f"Run 'notifyctl up --stack {context.stack}'."
            )
        return found

    @classmethod
    def find_all(cls, context: StackContext) -> tuple[StackDatabase, ...]:
        """As `all_of`, but none where the stack has no database yet."""
        account = StackAccount.of(context)
        return cls.in_outputs(account, first_outputs(context, show_secrets=False))

    @classmethod
    def in_outputs(
        cls, account: StackAccount, outputs: Mapping[str, Any]
    ) -> tuple[StackDatabase, ...]:
        """Return the databases that a stack's outputs tell of.

        Outputs of earlier releases name one alone.
        """
        first = {"id": outputs.get("d1_database_id"), "name": outputs.get("d1_database_name", "")}
        listed = outputs.get("d1_databases")
        level = serving_level(outputs)
        return tuple(
            cls(account, one["id"], str(one.get("name", "")), level)
            for one in (listed if isinstance(listed, list) and listed else [first])
            if isinstance(one, Mapping) and isinstance(one.get("id"), str)
        )

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.account.stack

    @contextmanager
    def connected(self) -> Iterator[D1Database]:
        """Give the database for statements; an error inside becomes one sentence."""
        try:
            with D1Database(
                account_id=self.account.account_id,
                database_id=self.database_id,
                base_url=self.account.base_url,
                token=self.account.token,
            ) as database:
                yield database
        except (MigrationError, MigrationFileError) as error:
            raise OperationError(str(error)) from None

    def query(self, sql: str, *params: str) -> list[Row]:
        """Run one statement and return its rows."""
        with self.connected() as database:
            return database.batch([Statement(sql, params)])[0]

    def batch(self, statements: Sequence[str | Statement]) -> list[list[Row]]:
        """Run statements in one transaction and return each one's rows."""
        with self.connected() as database:
            return database.batch(
                [Statement(one) if isinstance(one, str) else one for one in statements]
            )

    def described(self) -> Mapping[str, Any]:
        """Return what the account says of it: ``name``, ``num_tables``, ``file_size`` in bytes."""
        found = self.account.ask(
            f"show the database {self.database_id}",
            lambda client: client.d1.database.get(
                self.database_id, account_id=self.account.account_id
            ),
        )
        return found.to_dict() if found is not None else {}


def active_level(context: StackContext) -> int:
    """Return the level of the code that serves by Cloudflare's word, whatever the state believes.

    Between the traffic and the state's list of releases an update may be cut off, and a version may
    be deployed past Pulumi.

    Raises:
        GateClosed: a version serves of which the stack knows nothing.
        OperationError: the account can't be asked.
    """
    outputs = first_outputs(context, show_secrets=False)
    worker = outputs.get("worker_name")
    if not isinstance(worker, str):
        return serving_level(outputs)
    shares = ActiveDeployment.of_worker(StackAccount.of(context), worker).shares
    entries = [*(outputs.get("releases") or []), *(outputs.get("serving") or [])]
    known = {str(entry.get("version_id")) for entry in entries if isinstance(entry, Mapping)}
    if strangers := [version for version in shares if version not in known]:
        raise GateClosed(
            f"Version {short_version(strangers[0])} serves, and the stack '{context.stack}' "
            "doesn't list it: an update was cut off, or somebody deployed it past Pulumi. Its code "
            "may need what "
            f"would be undone. First run 'notifyctl up --stack {context.stack}' or 'notifyctl "
            f"rollback --stack {context.stack}'."
        )
    serving = [{"version_id": name, "percentage": share} for name, share in shares.items()]
    return serving_level({**outputs, "serving": serving})


def serving_level(outputs: Mapping[str, Any]) -> int:
    """Return the highest level of the versions that serve, by the stack's list of releases.

    After a rollback that is the old code's: the newest release's code doesn't serve, and a
    migration that only that code needs can be undone. A version that the list doesn't have counts
    as the newest release, so that nothing is undone which it might need.

    Args:
        outputs: the stack's outputs.
    """
    newest = _level(outputs.get("release"))
    known = {
        str(entry.get("version_id")): _level(entry)
        for entry in outputs.get("releases") or []
        if isinstance(entry, Mapping)
    }
    serving = [
        str(share.get("version_id"))
        for share in outputs.get("serving") or []
        if isinstance(share, Mapping)
    ]
    return max((known.get(version, newest) for version in serving), default=newest)


def _level(release: object) -> int:
    if not isinstance(release, Mapping):
        return 0
    return int(release.get("code_level", release.get("schema_level", 0)))


def migrations(project: Project) -> MigrationSet:
    """Return the project's migration files.

    Raises:
        OperationError: they can't be used.
    """
    try:
        return MigrationSet.read(project.root / MIGRATIONS)
    except MigrationFileError as error:
        raise OperationError(str(error)) from None
