"""The database port on a raw D1 binding.

The one place where database values cross the language bridge: a batch goes over as one JSON text,
in which a statement is a number, and everything that it returns comes back as another.
"""

import json
from collections.abc import Sequence

from notification.cloudflare.js_bridge import JsBridge, JsCall
from notification.compact_json import compact_json
from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement

_MAX_KEPT = 200


class D1Database:
    """Prepared statements are kept for the isolate's life: their texts are few and fixed."""

    __slots__ = ("_bridge", "_numbers")

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge
        self._numbers: dict[str, int] = {}

    def _named(self, sql: str) -> int | str:
        """A statement's number, or beyond the kept ones its text."""
        number = self._numbers.get(sql)
        if number is None:
            if len(self._numbers) >= _MAX_KEPT:
                return sql
            number = self._numbers[sql] = int(self._bridge.prepare(sql))
        return number

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the port says. D1 runs a batch as one transaction."""
        batch = [(self._named(sql), *parameters) for sql, parameters in statements]
        results = json.loads(await JsCall(self._bridge, f"batch {compact_json(batch)}"))
        if isinstance(results, str):
            if "UNIQUE constraint failed" in results:
                raise DatabaseConflict(results)
            raise DatabaseError(results)
        return [Result(*result) for result in results]
