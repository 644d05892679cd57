"""Whether the service can do its work, by its own word and by what its callers were answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.smoke.checks import health_problems
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
        except ServiceError as error:
            advice = f"Look where it ends: notifyctl diagnose --stack {stack}"
            yield Outcome.fail("health", str(error), advice)
            return
    try:
        health = answer.json()
    except ValueError:
        health = None
    problems = health_problems(health)
    for problem in problems:
        code = str(problem.get("code", "problem"))
        yield Outcome.fail(
            _NAMES.get(code, code), str(problem.get("message", "")), _advice(stack, code)
        )
    if not problems:
        yield _judged(stack, answer.status_code, health)
    if not any(problem.get("code") == "WRITES_REFUSED" for problem in problems):
        yield _writes(context, outputs)


def _judged(stack: str, status: int, health: object) -> Outcome:
    """Judge an answer that names no problem: a proxy's names none either."""
    said = health.get("status") if isinstance(health, Mapping) else None
    if status == 200 and said == "healthy":
        return Outcome.ok("health", f"GET /health answered {status}, no problem")
    found = f"GET /health answered {status} and not that the service is healthy"
    return Outcome.fail("health", found, f"See why: notifyctl diagnose --stack {stack}")


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
    """Return the runbook's section, and its first command that isn't doctor itself."""
    section, *steps = PROBLEM_STEPS.get(code, ("Errors",))
    command = next((step for step in steps if " doctor " not in step), "")
    return f"See docs/runbook.md, {section}{': ' if command else '.'}{command.format(stack)}"


PROBLEM_STEPS: Mapping[str, tuple[str, ...]] = {
    "WRITES_REFUSED": (
        "Database refuses",
        "notifyctl doctor --stack {}",
        "notifyctl cleanup --stack {} --days 30",
    ),
    "REQUESTS_FAILED": (
        "Errors",
        "notifyctl doctor --stack {}",
        "notifyctl diagnose --stack {}",
    ),
    "D1_NOT_BOUND": ("Lost binding", "notifyctl doctor --stack {}"),
    "KV_NOT_BOUND": ("Lost binding", "notifyctl doctor --stack {}"),
    "CRON_STOPPED": ("Cron stopped", "notifyctl drift --stack {}"),
    "WEAK_SECRET": ("Wrong secret", "notifyctl doctor --stack {}"),
}
"""The runbook's section and its commands by the code of a problem of `GET /health`; ``{}`` stands
for the stack."""

_NAMES = {
    "WRITES_REFUSED": "writes",
    "REQUESTS_FAILED": "requests",
    "CRON_STOPPED": "cron",
    "WEAK_SECRET": "secret",
}
