"""What a destroy sees to, because the provider doesn't."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.managed import Managed
from ops.observe.drift.remains import require_gone, stop_schedules
from ops.stacks.errors import StackFailed

CRON = Managed("cloudflare:WorkersCronTrigger", "cron-trigger", "s1", {"scriptName": "notify"})
SCHEDULES = "workers/scripts/notify/schedules"


class Account:
    """What an account holds, by path."""

    def __init__(self, *, keeps: bool = False, **there: Any) -> None:
        self.there: dict[str, Any] = {path.replace("__", "/"): v for path, v in there.items()}
        self.keeps = keeps
        self.sent: list[tuple[str, str, Any]] = []

    def get(self, path: str) -> Any:
        return self.there.get(path)

    def send(self, method: str, path: str, body: Any) -> None:
        self.sent.append((method, path, body))
        if not self.keeps:
            self.there[path] = {"schedules": body}


def stopped(account: Account, *resources: Managed) -> Account:
    stop_schedules(cast(CloudflareProbe, account), resources)
    return account


def test_a_schedule_is_emptied() -> None:
    account = Account()
    account.there[SCHEDULES] = {"schedules": [{"cron": "* * * * *"}]}
    assert stopped(account, CRON).sent == [("PUT", SCHEDULES, [])]


def test_a_worker_that_is_gone_and_what_is_no_schedule_are_left_alone() -> None:
    other = Managed("cloudflare:Queue", "retry-queue", "q1", {"scriptName": "notify"})
    assert stopped(Account(), CRON).sent == []
    account = Account()
    account.there[SCHEDULES] = {"schedules": []}
    assert stopped(account, other).sent == []


def test_a_schedule_that_stays_stops_the_destroy() -> None:
    account = Account(keeps=True)
    account.there[SCHEDULES] = {"schedules": [{"cron": "* * * * *"}]}
    with pytest.raises(StackFailed, match=r"schedules of notify are still there .* Nothing was"):
        stopped(account, CRON)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("D1Database", "d1/database/x1"),
        ("WorkersKvNamespace", "storage/kv/namespaces/x1"),
        ("Queue", "queues/x1"),
        ("Worker", "workers/workers/x1"),
        ("WorkersCustomDomain", "workers/domains/x1"),
        ("AccountToken", "tokens/x1"),
    ],
)
def test_what_the_account_still_has_is_named(kind: str, path: str) -> None:
    account = Account()
    account.there[path] = {"id": "x1"}
    left = Managed(f"cloudflare:{kind}", "thing", "x1", {})
    gone = Managed(f"cloudflare:{kind}", "other", "x2", {})
    with pytest.raises(StackFailed, match=r"^The account still has thing \(x1\), though"):
        require_gone(cast(CloudflareProbe, account), [gone, left])
    require_gone(cast(CloudflareProbe, account), [gone, CRON])
