"""The database port on a D1 binding.

Database values cross the bridge to JavaScript here and nowhere else: a batch goes over as one JSON
text, in which a number stands for a statement, and all results come back as another.
"""

import json
from collections.abc import Sequence

from notification.cloudflare.js_bridge import JsBridge, JsCall
from notification.compact_json import compact_json
from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement

_MAX_KEPT = 200


class D1Database:
    """Runs batches on D1. Prepared statements are kept: their texts are few and fixed."""

    __slots__ = ("_bridge", "_numbers")

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge
        self._numbers: dict[str, int] = {}

    def _named(self, sql: str) -> int | str:
        """Return a statement's number, or its text once the maximum is kept."""
        number = self._numbers.get(sql)
        if number is None:
            if len(self._numbers) >= _MAX_KEPT:
                return sql
            number = self._numbers[sql] = int(self._bridge.prepare(sql))
        return number

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run all statements in order, as one transaction.

        Raises:
            DatabaseConflict: a uniqueness constraint refused the batch.
            DatabaseError: the batch failed for another reason.
        """
        batch = [(self._named(sql), *parameters) for sql, parameters in statements]
        results = json.loads(await JsCall(self._bridge, f"batch {compact_json(batch)}"))
        if isinstance(results, str):
            if "UNIQUE constraint failed" in results:
                raise DatabaseConflict(results)
            raise DatabaseError(results)
        return [Result(*result) for result in results]
