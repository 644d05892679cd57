"""A D1 database for a while, in the stack's own account: what restores there restores anywhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ops.database.stack_database import StackDatabase
from ops.stacks.errors import OperationError

_MAX_NAME = 64
"""Letters of a database's name (Cloudflare API reference, "Create D1 Database")."""


@contextmanager
def scratch_d1(database: StackDatabase) -> Iterator[StackDatabase]:
    """Make an empty database beside a stack's own, and delete it at the end.

    Raises:
        OperationError: the account refused it: its token may not create databases, or it has as
            many as it may.
    """
    account = database.account
    suffix = f"-check-{secrets.token_hex(4)}"
    name = f"{database.name[: _MAX_NAME - len(suffix)]}{suffix}"
    what = f"create the scratch database {name}"
    created = account.ask(
        what, lambda client: client.d1.database.create(account_id=account.account_id, name=name)
    )
    with account.understood(what):
        identifier = created.uuid if created is not None else None
    if not identifier:
        raise OperationError(f"The account made no scratch database {name}. Try again.")
    try:
        yield replace(database, database_id=identifier, name=name)
    finally:
        account.ask(
            f"delete the scratch database {name}",
            lambda client: client.d1.database.delete(identifier, account_id=account.account_id),
        )
