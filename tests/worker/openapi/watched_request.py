"""A request that records what its handler asked for."""

from __future__ import annotations

from typing import Any

from notification.http.request import Request


class WatchedQuery(dict[str, str]):
    """Records which parameters were asked for."""

    def __init__(self, pairs: dict[str, str], asked: set[str]) -> None:
        super().__init__(pairs)
        self._asked = asked

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self._asked.add(key)
        return super().__getitem__(key)


class WatchedRequest(Request):
    """Attributes: `read_names`, the query parameters that its handler asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.read_names: set[str] = set()

    @property
    def query(self) -> dict[str, str]:
        return WatchedQuery(super().query, self.read_names)
