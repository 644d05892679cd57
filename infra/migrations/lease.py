"""The lease that lets one writer at a time migrate a database."""

import secrets
import time
from collections.abc import Callable

from infra.migrations.d1 import D1Database, Statement
from infra.migrations.errors import D1SqlError, WriterBusy

LEASE_S = 20
"""Seconds that the lease holds; each migration renews it. A killed writer's lease lapses."""

_PATIENCE_S = 60
"""Seconds that a writer waits for another one's lease, and asks once in each."""


class WriterLease:
    """One writer's claim, kept in the table `d1_migrations_lease` and timed by the database.

    It spares a second writer a confusing failure. What makes two writers harmless is that each
    migration's batch begins with `fence` and enters a unique name.
    """

    CREATE = Statement(
        "CREATE TABLE IF NOT EXISTS d1_migrations_lease("
        "id INTEGER PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL)"
    )

    def __init__(
        self, database: D1Database, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._database = database
        self._sleep = sleep
        self._holder = secrets.token_hex()

    def acquire(self) -> None:
        """Take the lease, waiting for another writer's to lapse; raise WriterBusy if it doesn't."""
        claim = Statement(
            "INSERT INTO d1_migrations_lease(id, holder, expires_at) "
            "VALUES (1, ?1, unixepoch() + CAST(?2 AS INTEGER)) "
            "ON CONFLICT(id) DO UPDATE SET holder = ?1, expires_at = excluded.expires_at "
            "WHERE holder = ?1 OR expires_at <= unixepoch() RETURNING holder",
            (self._holder, str(LEASE_S)),
        )
        for _ in range(_PATIENCE_S):
            taken, *_ = self._database.batch([claim])
            if taken:
                return
            self._sleep(1)
        raise WriterBusy(
            f"Another deployment has been migrating this database for {_PATIENCE_S} seconds. "
            "Wait until it is done, and deploy again."
        )

    def fence(self) -> Statement:
        """Renew the lease, or make the batch fail where another writer has it."""
        return Statement(
            "INSERT INTO d1_migrations_lease(id, holder, expires_at) "
            "VALUES (1, ?1, unixepoch() + CAST(?2 AS INTEGER)) "
            "ON CONFLICT(id) DO UPDATE SET expires_at = "
            "CASE WHEN holder = ?1 THEN excluded.expires_at ELSE NULL END",
            (self._holder, str(LEASE_S)),
        )

    @staticmethod
    def was_lost(error: D1SqlError) -> bool:
        """Whether a batch failed because of its fence."""
        return "d1_migrations_lease.expires_at" in str(error)

    def release(self) -> None:
        """Give the lease up, so that the next writer doesn't wait."""
        self._database.batch(
            [Statement("DELETE FROM d1_migrations_lease WHERE holder = ?", (self._holder,))]
        )
