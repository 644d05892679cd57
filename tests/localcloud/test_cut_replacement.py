"""A database whose replacement doesn't begin isn't locked by it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localcloud.api.d1_copies import D1Copies
from localcloud.api.resources import Account


class LostHost:
    """A host that holds the database and whose answer is lost."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def client(self) -> LostHost:
        return self

    async def hold(self, database_id: str) -> None:
        self.asked.append(("hold", database_id))
        raise ConnectionError

    async def release(self, database_id: str, *, swap: bool) -> None:
        self.asked.append(("release", database_id, swap))


def test_a_hold_whose_answer_is_lost_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = LostHost()
    folder = tmp_path / "d1-bookmarks" / "db"
    folder.mkdir(parents=True)
    (folder / "1-bookmark.sqlite").touch()
    account = SimpleNamespace(runtime=host, home=SimpleNamespace(cloud=tmp_path))
    copies = D1Copies(cast(Account, account))

    async def keep(uuid: str, *, beside: str) -> str:
        return f"{uuid} {beside}"

    monkeypatch.setattr(copies, "keep", keep)
    with pytest.raises(ConnectionError):
        asyncio.run(copies.restore("db", "1-bookmark"))
    assert host.asked == [("hold", "db"), ("release", "db", False)]
