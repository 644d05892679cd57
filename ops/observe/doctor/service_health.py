"""Whether the service can do its work, by its own word and by what its callers were answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.access.checks.outcome import Outcome
from ops.observe.metrics.caller_metrics import CallerMetrics
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from ops.stacks.errors import ServiceError
from ops.stacks.local_cloud import full_disk
from ops.stacks.moment import counted
from ops.stacks.service import ServiceClient

_DATABASE_CODE = "DB_ERROR"


def service_health(context: StackContext, outputs: Mapping[str, Any]) -> Iterator[Outcome]:
    """Yield what health tells, writes that the database refused, and a disk without room."""
    stack = context.stack
    if context.is_local:
        yield _disk(context)
    with ServiceClient(str(outputs["service_url"])) as service:
        try:
            answer = service.call("GET", "/health")
            health = answer.json()
        except (ServiceError, ValueError) as error:
            advice = f"Look where it ends: notifyctl diagnose --stack {stack}"
            yield Outcome.fail("health", str(error), advice)
            return
    problems = health.get("errors") or [] if isinstance(health, dict) else []
    for problem in problems:
        code = str(problem.get("code", "problem"))
        yield Outcome.fail(
            _NAMES.get(code, code), str(problem.get("message", "")), _advice(stack, code)
        )
    if not problems:
        yield Outcome.ok("health", f"GET /health answered {answer.status_code}, no problem")
    if not any(problem.get("code") == "WRITES_REFUSED" for problem in problems):
        yield _writes(context, outputs)


def _writes(context: StackContext, outputs: Mapping[str, Any]) -> Outcome:
    callers = CallerMetrics.read(StackAccount.of(context), str(outputs.get("worker_name", "")))
    if callers.problem:
        return Outcome.skipped("writes", f"callers' answers aren't known: {callers.problem}")
    failed = [one for one in callers.failures() if one.code == _DATABASE_CODE]
    if failed:
        calls = counted(sum(one.calls for one in failed), "call")
        found = f"the database failed {calls} in the last hour: {failed[0].said}"
        return Outcome.fail("writes", found, _advice(context.stack))
    return Outcome.ok("writes", "no caller met a refusal of the database in the last hour")


def _disk(context: StackContext) -> Outcome:
    if found := full_disk(context.project):
        return Outcome.fail("disk", found, "Free some room; nothing that was stored is lost.")
    return Outcome.ok("disk", "there is room")


def _advice(stack: str, code: str = "WRITES_REFUSED") -> str:
    if code == "REQUESTS_FAILED":
        return f"See what failed, and since when: notifyctl diagnose --stack {stack}"
    return f"See docs/runbook.md, Database refuses: notifyctl cleanup --stack {stack} --days 30"


_NAMES = {
    "WRITES_REFUSED": "writes",
    "REQUESTS_FAILED": "requests",
    "CRON_STOPPED": "cron",
    "WEAK_SECRET": "secret",
}
