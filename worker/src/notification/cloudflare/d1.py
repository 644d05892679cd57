"""The database port on a raw D1 binding.

The one place where database values cross the language border: a batch goes over as one JSON text,
in which a statement is a number, and everything that it returns comes back as another.
"""

import json
from collections.abc import Sequence

from notification.cloudflare.crossing import Crossing, Deed
from notification.compact_json import compact_json
from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement

_MOST_KEPT = 200


class D1Database:
    """Prepared statements are kept for the isolate's life: their texts are few and fixed."""

    __slots__ = ("_crossing", "_numbers")

    def __init__(self, crossing: Crossing) -> None:
        self._crossing = crossing
        self._numbers: dict[str, int] = {}

    def _named(self, sql: str) -> int | str:
        """A statement's number, or beyond the kept ones its text."""
        number = self._numbers.get(sql)
        if number is None:
            if len(self._numbers) >= _MOST_KEPT:
                return sql
            number = self._numbers[sql] = int(self._crossing.prepare(sql))
        return number

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the port says. D1 runs a batch as one transaction."""
        batch = [(self._named(sql), *parameters) for sql, parameters in statements]
        results = json.loads(await Deed(self._crossing, f"batch {compact_json(batch)}"))
        if isinstance(results, str):
            if "UNIQUE constraint failed" in results:
                raise DatabaseConflict(results)
            raise DatabaseError(results)
        return [Result(*result) for result in results]
