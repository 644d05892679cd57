"""Clients that keep asking the edge while something happens to what is behind it."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class SteadyLoad:
    """Clients, each with one connection, that ask `path` one request after the other.

    `answers` counts (status, body); a connection that breaks counts as (0, name of the error).
    """

    port: int
    path: str
    clients: int = 8
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.clients)]

    def __enter__(self) -> SteadyLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def bodies(self) -> set[str]:
        """The bodies seen so far."""
        with self._lock:
            return {body for _, body in self.answers}

    def failed(self) -> dict[tuple[int, str], int]:
        """Everything but 200."""
        with self._lock:
            return {key: count for key, count in self.answers.items() if key[0] != 200}

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._stop.is_set():
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
                answer = (response.status, response.read().decode())
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                answer = (0, type(error).__name__)
            with self._lock:
                self.answers[answer] += 1
        connection.close()
