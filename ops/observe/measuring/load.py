"""Many requests side by side, and how long each took; autocannon makes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.observe.tail.line_statistics import duration_metrics
from ops.stacks.errors import OperationError, ToolMissing
from ops.stacks.service import connection_address

_SCRIPT = Path(__file__).with_name("load.cjs")
_TIMEOUT_SECONDS = 30
"""How long one request may take."""


def _trusting(environment: Mapping[str, str]) -> dict[str, str]:
    """Return Node's environment: it trusts the authorities that this program trusts.

    Node reads NODE_EXTRA_CA_CERTS in place of OpenSSL's SSL_CERT_FILE (nodejs.org/api/cli.html).
    """
    authorities = environment.get("SSL_CERT_FILE")
    extra = {"NODE_EXTRA_CA_CERTS": authorities} if authorities else {}
    return {**extra, **environment}


@dataclass(frozen=True)
class Measured:
    """What one kind of request did.

    Attributes:
        name: what was called.
        statuses: how many answers of each HTTP status; 0 stands for no answer.
        durations: milliseconds of each request that was answered.
        seconds: how long all took together.
        unsent: answers to a send that say that the notification wasn't sent.
        why: what broke the first request without an answer, in Node's words; else empty.
    """

    name: str
    statuses: Mapping[int, int]
    durations: list[float]
    seconds: float
    unsent: int = 0
    why: str = ""

    @property
    def failed(self) -> int:
        """Requests without an answer, with a status of 400 or more, or that sent nothing."""
        refused = sum(n for status, n in self.statuses.items() if not 200 <= status < 400)
        return refused + self.unsent

    def document(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        answers = len(self.durations)
        return {
            "name": self.name,
            "requests": sum(self.statuses.values()),
            "failed": self.failed,
            "per_second": round(answers / self.seconds, 1) if self.seconds else None,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            **duration_metrics(self.durations),
        }

    def shown(self, name: str) -> str:
        """Return a figure of the document for a table; "-" where nothing was answered."""
        figure = self.document()[name]
        return "-" if figure is None else f"{figure:.5g}"


@dataclass(frozen=True)
class Load:
    """Puts load on one service.

    Attributes:
        service_url: the service's URL.
        key: what requests are signed with; it reaches the program on its standard input.
        requests: how many calls of each kind.
        concurrency: how many at once.
    """

    service_url: str
    key: str | None
    requests: int
    concurrency: int

    def measure(
        self, method: str, target: str, *, body: Mapping[str, Any] | None = None
    ) -> Measured:
        """Make all calls of one kind. A call that fails is counted and stops nothing.

        Args:
            method: HTTP method.
            target: path and query.
            body: JSON of a send; ``{number}`` in a text becomes the request's number.

        Raises:
            ToolMissing: Node isn't on PATH, or autocannon isn't installed.
            OperationError: autocannon failed.
        """
        node = shutil.which("node")
        if node is None:
            raise ToolMissing("'node' isn't on PATH, and it generates the load. Install Node 20.")
        url, host = connection_address(self.service_url)
        headers = {"User-Agent": "notifyctl", "Content-Type": "application/json"}
        order = {
            "url": url,
            "method": method,
            "target": target,
            "headers": headers | ({"Host": host} if host else {}),
            "body": None if body is None else json.dumps(body),
            "key": self.key,
            "requests": self.requests,
            "concurrency": self.concurrency,
            "timeout": _TIMEOUT_SECONDS,
            "sends": body is not None,
        }
        done = subprocess.run(
            [node, str(_SCRIPT)],
            env=_trusting(os.environ),
            input=json.dumps(order),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if "Cannot find module 'autocannon'" in done.stderr:
            raise ToolMissing("autocannon isn't installed, and it makes the load: 'make install'.")
        try:
            found = json.loads(done.stdout)
        except ValueError:
            raise OperationError(
                f"The load on {method} {target} ended without figures (exit code "
                f"{done.returncode}). Try again with fewer requests at once: --concurrency."
            ) from None
        statuses = {int(status): count for status, count in found["statuses"].items()}
        if found["unanswered"]:
            statuses[0] = found["unanswered"]
        return Measured(
            f"{method} {target.partition('?')[0]}",
            statuses,
            found["durations"],
            found["seconds"],
            found["unsent"],
            found["why"],
        )
