"""Time travel of all databases of a stack, to one moment.

One database alone would bring back recipients who have another one by now, or lose those who came
to it. So a bookmark of several databases names one of each and its moment:
``00000085-…,0000007c-…@2026-11-30T01:00:00Z``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.shards.record import SELECT_LAST_MOVE, Placement, PlacementUnknown
from ops.database.d1_transfer import D1Transfer
from ops.database.stack_database import StackDatabase
from ops.stacks.errors import GateClosed, OperationError, UsageError
from ops.stacks.moment import shown_time

_BOOKMARKS = re.compile(r"([0-9a-f-]+(?:,[0-9a-f-]+)+)@([0-9TZ:.+-]+)")


@dataclass(frozen=True)
class TimeTravel:
    """Bookmarks of the databases of one stack, the first database first."""

    databases: Sequence[StackDatabase]

    def bookmark(self, at: datetime | None = None) -> str:
        """Return the bookmark of now, or of an earlier moment.

        Raises:
            OperationError: the account gave none.
        """
        moment = (at or datetime.now(UTC)).astimezone(UTC)
        text = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
        several = len(self.databases) > 1
        asked = None
        if at is not None:
            asked = text if several else moment.isoformat().replace("+00:00", "Z")
        found = [each.bookmark(asked) for each in self._transfers()]
        return f"{','.join(found)}@{text}" if several else found[0]

    def travel(self, bookmark: str) -> str:
        """Return all databases to a bookmark, or none; the answer is the bookmark that undoes it.

        Raises:
            UsageError: it isn't a bookmark of as many databases.
            GateClosed: recipients have moved since, or are moving.
            OperationError: the account refused, or gave no answer.
        """
        transfers = self._transfers()
        if len(transfers) == 1:
            return transfers[0].travel(bookmark)
        bookmarks, moment = self._parsed(bookmark)
        require_no_move_since(self.databases, moment, what="this bookmark")
        undo = self.bookmark()
        now, _ = self._parsed(undo)
        for number, (wanted, current) in enumerate(zip(bookmarks, now, strict=True)):
            # Bookmarks of a database sort by time (Cloudflare docs, D1: "Time Travel").
            if wanted > current:
                raise UsageError(
                    f"Bookmark {number + 1}, {wanted}, is later than anything in database "
                    f"{self.databases[number].name}; nothing was changed. Give the bookmarks as "
                    "'notifyctl db bookmark' printed them."
                )
        done: list[tuple[D1Transfer, str]] = []
        for database, transfer, wanted in zip(self.databases, transfers, bookmarks, strict=True):
            try:
                done.append((transfer, transfer.travel(wanted)))
            except OperationError as error:
                self._undo(done, undo, database, error)
        return undo

    def _undo(
        self,
        done: Sequence[tuple[D1Transfer, str]],
        undo: str,
        failed: StackDatabase,
        cause: OperationError,
    ) -> None:
        """Bring back what has travelled already, and raise."""
        stack = failed.stack
        try:
            for transfer, before in done:
                transfer.travel(before)
        except OperationError as error:
            raise OperationError(
                f"Database {failed.name} did not return: {cause} The others have, and didn't come "
                f"back: {error} Run: notifyctl db travel {undo} --stack {stack}"
            ) from None
        raise OperationError(
            f"Database {failed.name} did not return, so all databases are as they were: {cause}"
        ) from None

    def _parsed(self, bookmark: str) -> tuple[list[str], datetime]:
        match = _BOOKMARKS.fullmatch(bookmark)
        found = match[1].split(",") if match else []
        try:
            moment = datetime.fromisoformat(match[2]) if match else None
        except ValueError:
            moment = None
        if len(found) != len(self.databases) or moment is None or moment.tzinfo is None:
            raise UsageError(
                f"{bookmark[:80]} isn't a bookmark of {len(self.databases)} databases, which all "
                "return together. 'notifyctl db bookmark' prints one, with --at of an earlier time."
            )
        return found, moment

    def _transfers(self) -> list[D1Transfer]:
        return [D1Transfer(each.account, each.database_id) for each in self.databases]


def require_no_move_since(
    databases: Sequence[StackDatabase], moment: datetime, *, what: str
) -> None:
    """Refuse to bring rows back whose recipients have another database by now.

    Raises:
        GateClosed: recipients have moved since a moment, or are moving.
        OperationError: the record of the placement can't be read.
    """
    first, *others = databases
    if not others:
        return
    for row in first.query(SELECT_LAST_MOVE):
        moved = datetime.fromisoformat(str(row["updated_at"]))
        try:
            is_moving = Placement.parse(str(row["config_value"])).moving_to is not None
        except PlacementUnknown as error:
            raise OperationError(str(error)) from None
        if is_moving or moved >= moment:
            raise GateClosed(
                f"Recipients have moved between the databases of '{first.stack}' since {what} was "
                "taken, and so it has rows that are elsewhere now; nothing was changed. Choose "
                f"one that is newer than {shown_time(moved)}."
            )
