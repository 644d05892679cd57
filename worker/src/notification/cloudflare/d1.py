"""The database port on a raw D1 binding.

The one place where database values cross the language border: parameters go over one by one,
with None as JavaScript's null (a plain None would arrive as `undefined`), and everything a batch
returns comes back as one JSON text, which is cheaper than reading properties one by one.
"""

from collections.abc import Sequence
from typing import Any

from notification.cloudflare.border import from_object
from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement
from pyodide.ffi import JsException, jsnull, to_js


class D1Database:
    """Prepared statements are kept for the isolate's life: their texts are few and fixed."""

    __slots__ = ("_binding", "_prepared")

    def __init__(self, binding: Any) -> None:
        self._binding = binding
        self._prepared: dict[str, Any] = {}

    def _bound(self, statement: Statement) -> Any:
        prepared = self._prepared.get(statement.sql)
        if prepared is None:
            prepared = self._binding.prepare(statement.sql)
            if len(self._prepared) < 200:
                self._prepared[statement.sql] = prepared
        if not statement.parameters:
            return prepared
        return prepared.bind(*[jsnull if p is None else p for p in statement.parameters])

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the port says. D1 runs a batch as one transaction."""
        try:
            answer = await self._binding.batch(to_js([self._bound(s) for s in statements]))
            results = from_object(answer)
        except JsException as error:
            text = str(error)
            if "UNIQUE constraint failed" in text:
                raise DatabaseConflict(text) from None
            raise DatabaseError(text) from None
        return [
            Result(
                result.get("results") or [],
                result["meta"].get("changes") or 0,
                result["meta"].get("rows_written") or 0,
            )
            for result in results
        ]
