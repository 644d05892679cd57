"""The database port on a D1 binding.

Database values cross the bridge to JavaScript here and nowhere else: a batch goes over as one JSON
text, in which a number stands for a statement, and all results come back as another.
"""

from collections.abc import Sequence
from typing import Any

from notification.cloudflare.js_bridge import JsBridge, JsCall
from notification.compact_json import compact_json, parse_compact_json
from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement, Value

_MAX_KEPT = 200
_SESSION_LOST = (
    "Network connection lost",
    "storage caused object to be reset",
    "reset because its code was updated",
)
"""Errors after which D1 takes the same batch (developers.cloudflare.com/d1/best-practices,
"Retry queries"): the session is broken, by a restart of ours or of the database."""


class D1Database:
    """Runs batches on D1. Prepared statements are kept: their texts are few and fixed."""

    __slots__ = ("_bridge", "_name", "_numbers")

    def __init__(self, bridge: JsBridge, name: str = "DB") -> None:
        self._bridge = bridge
        self._name = name
        self._numbers: dict[str, int] = {}

    def _named(self, sql: str) -> int | str:
        """Return a statement's number, or its text once the maximum is kept."""
        number = self._numbers.get(sql)
        if number is None:
            if len(self._numbers) >= _MAX_KEPT:
                return sql
            number = self._numbers[sql] = int(self._bridge.prepare(sql, self._name))
        return number

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run all statements in order, as one transaction.

        If the session is lost, it is made anew once, with statements that are prepared anew. The
        first try may have been committed: a conflict then tells nothing of what else there is.

        Raises:
            DatabaseConflict: a uniqueness constraint refused the batch.
            DatabaseError: the batch failed for another reason.
        """
        batch = [(self._named(sql), *parameters) for sql, parameters in statements]
        results = await self._run(batch)
        repeated = isinstance(results, str) and any(text in results for text in _SESSION_LOST)
        if repeated:
            self._numbers.clear()
            results = await self._run([(sql, *parameters) for sql, parameters in statements])
        if isinstance(results, str):
            if "UNIQUE constraint failed" in results and not repeated:
                raise DatabaseConflict(results)
            raise DatabaseError(results)
        return [Result(*result) for result in results]

    async def _run(self, batch: Sequence[tuple[Value, ...]]) -> Any:
        """Return each statement's result, or the text of the error."""
        answer = await JsCall(self._bridge, f"batch {self._name} {compact_json(batch)}")
        return parse_compact_json(answer)
