"""What the sink received, in SQLite, bounded in number."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.database import Database, Row

KEPT = 10_000

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS received (
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, method TEXT NOT NULL,
        path TEXT NOT NULL, query TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
        status INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS received_path ON received (path, id)",
)


class MessageLog:
    """Keeps the newest 10,000 requests."""

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        self._database = Database(path, _SCHEMA)
        self._now_ms = now_ms

    def add(
        self,
        *,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        status_for: Callable[[int], int],
    ) -> tuple[int, int]:
        """Record one request; `status_for` gets how many came before on the path.

        Returns the new id and the status that was chosen.
        """
        with self._database.transaction():
            before = self._database.value("SELECT count(*) FROM received WHERE path = ?", path)
            status = status_for(before)
            self._database.execute(
                "INSERT INTO received (received_ms, method, path, query, headers, body, status) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._now_ms(),
                method,
                path,
                query,
                json.dumps(headers),
                body,
                status,
            )
            identifier: int = self._database.value("SELECT last_insert_rowid()")
            self._database.execute("DELETE FROM received WHERE id <= ?", identifier - KEPT)
        return identifier, status

    def newest(self, *, path: str | None, after_id: int, limit: int) -> list[dict[str, Any]]:
        """The newest messages after `after_id`, oldest of them first."""
        rows = self._database.rows(
            "SELECT * FROM received WHERE id > ? AND (path = ? OR ? IS NULL) "
            "ORDER BY id DESC LIMIT ?",
            after_id,
            path,
            path,
            limit,
        )
        return [_shown(row) for row in reversed(rows)]

    def total(self, path: str | None) -> int:
        """How many messages are kept."""
        found: int = self._database.value(
            "SELECT count(*) FROM received WHERE path = ? OR ? IS NULL", path, path
        )
        return found

    def clear(self) -> None:
        """Forget everything; ids go on counting."""
        self._database.execute("DELETE FROM received")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _shown(row: Row) -> dict[str, Any]:
    body = bytes(row["body"])
    try:
        text, encoding = body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(body).decode(), "base64"
    return {
        "id": row["id"],
        "received_at_ms": row["received_ms"],
        "method": row["method"],
        "path": row["path"],
        "query": row["query"],
        "headers": dict(json.loads(row["headers"])),
        "body": text,
        "body_encoding": encoding,
        "status": row["status"],
    }
