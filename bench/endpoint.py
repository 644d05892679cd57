"""The endpoint that the measured notifications go to."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

import httpx


class Endpoint:
    """A process that answers 200 to everything; use it in a ``with`` block.

    Attributes:
        base: its URL without a path.
        url: the URL that notifications go to.
    """

    def __enter__(self) -> Endpoint:
        script = Path(__file__).with_name("endpoint.mjs")
        self._process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 stdout=PIPE gives a stream
        self.base = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.url = f"{self.base}/hook"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def received(self) -> int:
        """Return the number of requests received so far."""
        return int(httpx.get(self.url, trust_env=False).json()["received"])
