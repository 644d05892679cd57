"""Messages on disk: a send is committed before it is answered, and deleted only when settled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database, Row

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS messages (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, queue_id TEXT NOT NULL,
        timestamp_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,
        content_type TEXT NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue_id, visible_ms, sequence)",
    "CREATE INDEX IF NOT EXISTS messages_age ON messages (queue_id, timestamp_ms)",
)


@dataclass(frozen=True)
class Message:
    """A message as it lies in a queue; `attempts` counts the deliveries that have failed."""

    sequence: int
    id: str
    timestamp_ms: int
    visible_ms: int
    attempts: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class NewMessage:
    """A message to store; `delay_s` is in seconds."""

    id: str
    content_type: str
    body: bytes
    delay_s: int


@dataclass(frozen=True)
class Backlog:
    """What lies in a queue; times are in milliseconds since 1970, None where it is empty."""

    count: int
    bytes: int
    oldest_ms: int | None


@dataclass(frozen=True)
class Retry:
    """A message to deliver again, not before `visible_ms`."""

    sequence: int
    visible_ms: int


class MessageStore:
    """The broker's SQLite file."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self._counts = self._counted()

    def send(self, queue_id: str, messages: Sequence[NewMessage], *, now_ms: int) -> Backlog:
        """Commit the messages together and return the queue's backlog."""
        with self._changing():
            for message in messages:
                visible_ms = now_ms + message.delay_s * 1000
                self._insert(queue_id, message, now_ms=now_ms, visible_ms=visible_ms)
        return self.backlog(queue_id)

    def backlog(self, queue_id: str) -> Backlog:
        """Count, bytes and age of what lies in a queue."""
        count, size = self._counts.get(queue_id, (0, 0))
        oldest = self._database.value(
            "SELECT MIN(timestamp_ms) FROM messages WHERE queue_id = ?", queue_id
        )
        return Backlog(count, size, oldest)

    def due(
        self, queue_id: str, *, now_ms: int, limit: int, leased: Iterable[int]
    ) -> list[Message]:
        """Visible messages in order, without those that are being delivered."""
        rows = self._database.rows(
            "SELECT * FROM messages WHERE queue_id = ? AND visible_ms <= ? AND sequence NOT IN "
            "(SELECT value FROM json_each(?)) ORDER BY visible_ms, sequence LIMIT ?",
            queue_id,
            now_ms,
            json.dumps(list(leased)),
            limit,
        )
        return [_message(row) for row in rows]

    def next_visible_ms(self, queue_id: str, *, leased: Iterable[int]) -> int | None:
        """When the next message that isn't being delivered becomes visible, or None."""
        found: int | None = self._database.value(
            "SELECT MIN(visible_ms) FROM messages WHERE queue_id = ? AND sequence NOT IN "
            "(SELECT value FROM json_each(?))",
            queue_id,
            json.dumps(list(leased)),
        )
        return found

    def settle(
        self,
        queue_id: str,
        *,
        done: Iterable[Message],
        retries: Iterable[Retry],
        dead: Iterable[Message],
        dead_letter_queue_id: str | None,
        now_ms: int,
    ) -> None:
        """Apply the result of a batch in one transaction.

        `done` goes, `retries` come back later with one more attempt, `dead` moves to the dead
        letter queue, or goes where there is none.
        """
        with self._changing():
            for retry in retries:
                self._database.execute(
                    "UPDATE messages SET attempts = attempts + 1, visible_ms = ? "
                    "WHERE sequence = ?",
                    retry.visible_ms,
                    retry.sequence,
                )
            for message in done:
                self._delete(queue_id, message)
            for message in dead:
                if self._delete(queue_id, message) and dead_letter_queue_id is not None:
                    letter = NewMessage(message.id, message.content_type, message.body, 0)
                    self._insert(dead_letter_queue_id, letter, now_ms=now_ms, visible_ms=now_ms)

    def expire(self, queue_id: str, *, before_ms: int, leased: Iterable[int]) -> int:
        """Drop messages that are older than the queue's retention; returns how many."""
        with self._changing():
            expired = self._database.rows(
                "SELECT * FROM messages WHERE queue_id = ? AND timestamp_ms < ? "
                "AND sequence NOT IN (SELECT value FROM json_each(?))",
                queue_id,
                before_ms,
                json.dumps(list(leased)),
            )
            for row in expired:
                self._delete(queue_id, _message(row))
        return len(expired)

    def drop_queue(self, queue_id: str) -> None:
        """Remove all messages of a queue."""
        with self._database.transaction():
            self._database.execute("DELETE FROM messages WHERE queue_id = ?", queue_id)
            self._counts.pop(queue_id, None)

    def keep_only(self, queue_ids: Iterable[str]) -> None:
        """Remove messages of queues that don't exist."""
        known = json.dumps(list(queue_ids))
        for row in self._database.rows(
            "SELECT DISTINCT queue_id FROM messages WHERE queue_id NOT IN "
            "(SELECT value FROM json_each(?))",
            known,
        ):
            self.drop_queue(row["queue_id"])

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A transaction; the counters follow the table also where it is rolled back."""
        try:
            with self._database.transaction():
                yield
        except BaseException:
            self._counts = self._counted()
            raise

    def _counted(self) -> dict[str, tuple[int, int]]:
        rows = self._database.rows(
            "SELECT queue_id, count(*) AS n, sum(length(body)) AS bytes FROM messages "
            "GROUP BY queue_id"
        )
        return {row["queue_id"]: (row["n"], row["bytes"]) for row in rows}

    def _insert(self, queue_id: str, message: NewMessage, *, now_ms: int, visible_ms: int) -> None:
        self._database.execute(
            "INSERT INTO messages (id, queue_id, timestamp_ms, visible_ms, attempts, content_type, "
            "body) VALUES (?, ?, ?, ?, 0, ?, ?)",
            message.id,
            queue_id,
            now_ms,
            visible_ms,
            message.content_type,
            message.body,
        )
        self._count(queue_id, 1, len(message.body))

    def _delete(self, queue_id: str, message: Message) -> bool:
        gone = self._database.execute(
            "DELETE FROM messages WHERE sequence = ? AND queue_id = ?", message.sequence, queue_id
        )
        self._count(queue_id, -gone, -gone * len(message.body))
        return gone == 1

    def _count(self, queue_id: str, count: int, size: int) -> None:
        before_count, before_size = self._counts.get(queue_id, (0, 0))
        self._counts[queue_id] = (before_count + count, before_size + size)


def _message(row: Row) -> Message:
    return Message(
        sequence=row["sequence"],
        id=row["id"],
        timestamp_ms=row["timestamp_ms"],
        visible_ms=row["visible_ms"],
        attempts=row["attempts"],
        content_type=row["content_type"],
        body=bytes(row["body"]),
    )
