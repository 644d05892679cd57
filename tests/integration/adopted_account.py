"""An account in which the earlier service ran, after its adoption."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.installation import Installation
from tests.ops.adoption.earlier.account import ACCOUNT, make_earlier_account

WORKER = "notification-system-local"
RETRY_QUEUE = "retry-queue-local"
_NAMES = {
    "database": "notification-system-local",
    "namespace": "CONFIG_CACHE-local",
    "retry": RETRY_QUEUE,
    "failed": "failed-queue-local",
    "worker": WORKER,
}
SETTINGS = {
    "testClock": True,
    "customDomain": "notify.example.test",
    "zoneName": "example.test",
    "routePattern": "api.example.test/notify*",
}


@dataclass
class AdoptedAccount:
    """An installation that took the account over.

    Attributes:
        installation: the local cloud that the account is in, and the stack.
        ids: what was there before: `database`, `namespace`, `retry`, `failed` and `worker`.
        report: what the adoption said.
    """

    installation: Installation
    ids: dict[str, str]
    report: dict[str, Any]

    @classmethod
    @contextmanager
    def made(cls, folder: Path, **settings: Any) -> Iterator[AdoptedAccount]:
        """Make the earlier account in a cloud of its own and adopt it."""
        installation = Installation(folder, settings=SETTINGS | settings)
        # Its one isolate has a placement's record at once.
        installation.environment["NOTIFICATION_LOCAL_SETTLED_S"] = "12"
        try:
            assert installation.ctl("local", "start").returncode == 0
            ids = make_earlier_account(installation, _NAMES)
            options = ("--yes", "--skip-verify")
            report = installation.ctl_json("import", "--stack", "local", *options)
            yield cls(installation, ids, report)
        finally:
            installation.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call outside Pulumi and the project: what somebody does in the dashboard."""
        answer = self.installation.control(method, f"{ACCOUNT}/{path}", json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json()["result"] if answer.content else None

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Run SQL in the adopted database."""
        path = f"d1/database/{self.ids['database']}/query"
        found: list[dict[str, Any]] = self.call("POST", path, {"sql": sql})[0]["results"]
        return found

    def drift(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Look for drift; return the exit code and the command's document."""
        result = self.installation.ctl("drift", "--stack", "local", "--json", *options)
        assert result.stdout, result.stderr
        return result.returncode, json.loads(result.stdout)
