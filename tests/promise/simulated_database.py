"""D1 as the service meets it: slow by some milliseconds, and failing when a test says so."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from notification.ports.database import Database, DatabaseError, Result, Statement


@dataclass
class Failure:
    """Let the `call`-th batch from now fail, counting from 1, and the `repeat` - 1 after it.

    `after` None: nothing is applied, and the first `statement` statements had run by then.
    `after` True: it is committed, and the answer is lost.
    """

    call: int
    committed: bool
    repeat: int = 1
    statement: int = 0


@dataclass
class Failures:
    """The failure that comes next, and when batches failed, on the loop's clock."""

    following: Failure | None = None
    failed_at: list[float] = field(default_factory=list)


class SimulatedDatabase:
    """The database port over another one.

    Args:
        inner: the other one.
        chance: decides how long a batch takes.
        failures: those of all databases of an installation.
    """

    def __init__(self, inner: Database, chance: random.Random, failures: Failures) -> None:
        self._inner = inner
        self._chance = chance
        self._failures = failures

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the port says."""
        failure = self._due()
        await asyncio.sleep(self._chance.uniform(0.001, 0.03))
        if failure is not None and not failure.committed:
            await self._fail_inside(statements[: failure.statement])
        results = await self._inner.batch(statements)
        await asyncio.sleep(self._chance.uniform(0.001, 0.03))
        if failure is not None:
            raise DatabaseError("Network connection lost")
        return results

    def _due(self) -> Failure | None:
        failure = self._failures.following
        if failure is None:
            return None
        failure.call -= 1
        if failure.call > 0:
            return None
        self._failures.failed_at.append(asyncio.get_running_loop().time())
        failure.repeat -= 1
        if failure.repeat <= 0:
            self._failures.following = None
        return failure

    async def _fail_inside(self, before: Sequence[Statement]) -> None:
        broken = Statement("SELECT 1 FROM no_such_table")
        try:
            await self._inner.batch([*before, broken])
        except (sqlite3.Error, DatabaseError) as error:
            raise DatabaseError(f"D1_ERROR: {error}") from None
