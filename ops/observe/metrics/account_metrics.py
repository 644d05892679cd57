"""What Cloudflare knows of a Worker and its queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.observe.metrics.caller_metrics import CallerMetrics
from ops.observe.metrics.thresholds import Metric
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

PERIOD = timedelta(hours=1)
"""How far back the metrics go: long enough for a quiet service, short enough for now."""

_HEAD = """
query Metrics($account: string!, $script: string!, $start: Time!, $end: Time!) {
  viewer { accounts(filter: {accountTag: $account}) {
    workersInvocationsAdaptive(limit: 1000,
      filter: {scriptName: $script, datetime_geq: $start, datetime_leq: $end}) {
"""
_TAIL = "} } } }"
_ALL = "sum { requests errors } quantiles { cpuTimeP99 wallTimeP99 }"
_VERSIONS = "dimensions { scriptVersion } sum { requests errors }"
_MEMORY = "max { memoryUsageBytes }"


@dataclass(frozen=True)
class AccountMetrics:
    """Metrics of the last hour by Cloudflare's analytics, by callers' answers, and the queues' own.

    Attributes:
        requests: invocations, or ``None`` where that isn't known.
        error_rate: requests that callers saw fail, in percent: those that the service answered
            with 5xx, and those that the runtime or an exception ended.
        callers: what callers were answered.
        response: wall time, 99th percentile.
        cpu: CPU time, 99th percentile.
        memory: the most of one invocation.
        backlogs: messages by queue.
        versions: (requests, errors) by version id.
    """

    requests: int | None
    error_rate: Metric
    response: Metric
    cpu: Metric
    memory: Metric
    backlogs: tuple[Metric, ...]
    versions: Mapping[str, tuple[int, int]]
    callers: CallerMetrics

    @classmethod
    def read(cls, account: StackAccount, outputs: Mapping[str, Any]) -> AccountMetrics:
        """Ask for everything; what is refused is unknown and says why."""
        worker = str(outputs.get("worker_name", ""))
        groups, why = _groups(account, worker, _ALL)
        group = groups[0] if groups else {}
        requests = _at(group, "sum", "requests")
        errors = _at(group, "sum", "errors")
        callers = CallerMetrics.read(account, worker)
        memory, memory_why = _groups(account, worker, _MEMORY)
        by_version, _ = _groups(account, worker, _VERSIONS)
        used = _at(memory[0] if memory else {}, "max", "memoryUsageBytes")
        return cls(
            requests=0 if not why and not groups else None if requests is None else int(requests),
            error_rate=_error_rate(callers, requests, errors, why),
            response=_metric("response time, p99", _scaled(group, "wallTimeP99", 1_000), "ms", why),
            cpu=_metric("CPU time, p99", _scaled(group, "cpuTimeP99", 1_000), "ms", why),
            memory=_metric("memory, most", None if used is None else used / 1e6, "MB", memory_why),
            backlogs=tuple(
                _backlog(
                    account, str(outputs[f"{kind}_queue_id"]), str(outputs[f"{kind}_queue_name"])
                )
                for kind in ("retry", "failed")
                if f"{kind}_queue_id" in outputs
            ),
            versions=dict(_versions(by_version, callers)),
            callers=callers,
        )


def _versions(
    groups: Sequence[Mapping[str, Any]], callers: CallerMetrics
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield requests and failures by version; a group of another form tells nothing."""
    for group in groups:
        requests, errors = _at(group, "sum", "requests"), _at(group, "sum", "errors")
        dimensions = group.get("dimensions")
        version = dimensions.get("scriptVersion") if isinstance(dimensions, Mapping) else None
        if version and requests is not None and errors is not None:
            failed = int(errors) + callers.of_version(str(version))[1]
            yield str(version), (int(requests), failed)


def _error_rate(
    callers: CallerMetrics, requests: float | None, errors: float | None, why: str
) -> Metric:
    """Return the share of failed requests; without callers' answers it is unknown, never 0.

    A request that the runtime ended leaves no point, so it is added to those that failed.
    """
    name, ended = "failed requests", errors or 0
    if callers.problem:
        return Metric(name, None, "%", f"callers' answers aren't known: {callers.problem}")
    total = max(callers.requests + ended, requests or 0)
    if not total:
        return Metric(name, None, "%", why or "nobody called in the last hour")
    failed = callers.failed + ended
    source = f"callers' answers, last hour: {failed:g} of {total:g}; refused: {callers.refused}"
    return Metric(name, round(failed / total * 100, 3), "%", source)


def _groups(account: StackAccount, worker: str, wanted: str) -> tuple[list[dict[str, Any]], str]:
    """Return the groups, and in words why there are none where the query failed."""
    now = datetime.now(UTC)
    variables = {
        "account": account.account_id,
        "script": worker,
        "start": _iso(now - PERIOD),
        "end": _iso(now),
    }
    body = {"query": f"{_HEAD}{wanted}{_TAIL}", "variables": variables}
    what = "show its analytics"
    try:
        answer = account.document(
            what, lambda client: client.post("/graphql", body=body, cast_to=object)
        )
        with account.understood(what):
            if answer.get("errors"):
                said = answer["errors"][0].get("message", "refused")
                return [], f"Cloudflare's analytics: {said}"
            accounts = ((answer.get("data") or {}).get("viewer") or {}).get("accounts") or [{}]
            groups = [dict(one) for one in accounts[0].get("workersInvocationsAdaptive") or []]
    except OperationError as error:
        return [], str(error)
    return groups, ""


def _backlog(account: StackAccount, queue_id: str, name: str) -> Metric:
    title = f"backlog of {name}"
    what = f"show the backlog of {name}"
    try:
        found = account.ask(
            what,
            lambda client: client.queues.get_metrics(queue_id, account_id=account.account_id),
        )
        with account.understood(what):
            count = None if found is None else float(found.backlog_count)
    except OperationError as error:
        return Metric(title, None, "messages", str(error))
    return Metric(title, count, "messages", "the queue, now")


def _metric(name: str, value: float | None, unit: str, why: str) -> Metric:
    if value is not None:
        return Metric(name, round(value, 3), unit, "Cloudflare's analytics, last hour")
    return Metric(name, None, unit, why or "Cloudflare's analytics don't say it for the last hour")


def _at(group: Mapping[str, Any], part: str, name: str) -> float | None:
    values = group.get(part)
    found = values.get(name) if isinstance(values, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def _scaled(group: Mapping[str, Any], name: str, divisor: float) -> float | None:
    found = _at(group, "quantiles", name)
    return None if found is None else found / divisor


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
