"""Does the service fail, and where?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from shlex import quote
from typing import Any

import httpx

from infra.migrations.d1 import Row
from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Finding
from ops.observe.doctor.service_health import PROBLEM_STEPS
from ops.observe.metrics.caller_metrics import CallerAnswer
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level
from ops.observe.tail.log_line import LogLine
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import short_version
from ops.stacks.errors import OperationError
from ops.stacks.moment import counted, shown_time

_MAX_FINDINGS = 3
_MAX_LINES = 5
_MAX_ERROR = 120
"""Characters of an endpoint's words: the cause, not its whole answer."""
_READ_LINES = 200
_HOUR = "the last hour"
_RECENT = timedelta(hours=1)
_OVER = timedelta(minutes=15)
"""What hasn't happened for so long counts as over."""
_OVER_TEXT = "after 15 minutes without another"
_REFUSED_SHARE = 0.2
"""Share of one refusal among all calls above which a key or a lost row is at fault."""
_KEY_REFUSALS = frozenset({"INVALID_SIGNATURE", "UNAUTHORIZED"})
"""Refusals of those who do sign. Whoever doesn't is mistaken, or is `verify`, which tries it."""
_ROW_REFUSALS = frozenset({"TEMPLATE_NOT_FOUND", "TEMPLATE_CONTENT_NOT_FOUND"})
# Ids begin with the moment: milliseconds since 2024 (Julian day 2460310.5), times 4096. A row
# counts by its last attempt, whether it is tried again or not.
_MAX_FAILURES = 10
_FAILURES = """
SELECT COALESCE(last_error_code, '') AS code, channel_type AS channel,
  SUM(status = 'failed') AS failed, SUM(status = 'retry') AS retrying,
  COUNT(DISTINCT user_id) AS users, MIN(user_id) AS user_id, MIN(updated_at) AS first,
  MAX(updated_at) AS last, message_id, error,
  SUM(updated_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')) AS lately
FROM notification_logs
WHERE (status = 'failed' OR (status = 'retry' AND last_error_code IS NOT NULL))
  AND id >= CAST((julianday('now', '-1 day') - 2460310.5) * 86400000 AS INTEGER) * 4096
GROUP BY 1, 2 ORDER BY lately DESC, failed DESC
"""
_THROTTLED = "THROTTLED"


def errors_branch(
    status: StackStatus, account: StackAccount, databases: Sequence[StackDatabase]
) -> Branch:
    """Look at what callers were answered, at failed sends, and at lines of level error."""
    branch = Branch("errors", "Does the service fail?")
    stack = status.stack
    # Failed attempts are warnings: at level error a tail would stay silent.
    watch = f"notifyctl tail --stack {stack} --level warn"
    _health(branch, status)
    _callers(branch, status, watch)
    for reading in status.readings:
        if reading.metric.unit != "%":
            continue
        said = f"{reading.metric.name}: {reading.shown} ({reading.metric.source})"
        if reading.level is Level.WARNING and not branch.findings and not _is_over(status):
            limit = f"{reading.threshold:g} {reading.metric.unit}"
            branch.ill(Finding(said, "Errors", (watch,), over=f"below {limit}"))
        else:
            branch.found.append(said)
    branch.found += status.unknown_lines
    _failures(branch, stack, databases)
    _lines(branch, account, watch)
    return branch


def _health(branch: Branch, status: StackStatus) -> None:
    """Take what the service says of itself, refused writes among it, and a disk without room."""
    if status.disk:
        doctor = f"notifyctl doctor --stack {status.stack}"
        over = "when there is room"
        branch.ill(Finding(status.disk, "Database refuses", (doctor, "df -h"), over=over))
    for problem in status.problems:
        code = str(problem.get("code", ""))
        section, *steps = PROBLEM_STEPS.get(code, ("Errors", "notifyctl doctor --stack {}"))
        branch.ill(
            Finding(
                f"{problem.get('message', '')} ({code})",
                section,
                tuple(step.format(status.stack) for step in steps if " diagnose " not in step),
                over="when GET /health is healthy",
            )
        )


def _callers(branch: Branch, status: StackStatus, watch: str) -> None:
    failures = status.metrics.callers.failures()
    newest = max(status.metrics.versions, default="", key=lambda one: status.shares.get(one, 0))
    going_on = [answer for answer in failures if not _was_long_ago(answer.last)]
    for answer in failures:
        if answer not in going_on:
            said = f"{counted(answer.calls, 'time')} {answer.said}"
            branch.found.append(f"{said}; over: last at {answer.last}, 15 minutes without another")
    for answer in going_on[:_MAX_FINDINGS]:
        steps = [watch]
        if answer.place:
            steps.insert(0, f"notifyctl rollback --stack {status.stack} --plan-only")
        section = "Bad deployment" if answer.place else "Errors"
        branch.ill(_of_answers(answer, section, tuple(steps)))
    if len(going_on) > _MAX_FINDINGS:
        others = counted(len(going_on) - _MAX_FINDINGS, "other failure")
        branch.found.append(f"{others} that callers met: notifyctl status --json lists them")
    if newest and len(status.shares) == 1:
        branch.found.append(f"version {short_version(newest)} serves everything")
    _refusals(branch, status)


def _refusals(branch: Branch, status: StackStatus) -> None:
    """Tell of one refusal of many calls: a key or a row is lost, and no caller mistaken."""
    callers = status.metrics.callers
    for answer in callers.refusals()[:_MAX_FINDINGS]:
        if answer.code not in _KEY_REFUSALS | _ROW_REFUSALS:
            continue
        if answer.calls < _REFUSED_SHARE * callers.requests or _was_long_ago(answer.last):
            continue
        if answer.code in _KEY_REFUSALS:
            step = f"notifyctl doctor --stack {status.stack} --signature"
            branch.ill(_of_answers(answer, "Wrong secret", (step,)))
        else:
            step = f"notifyctl db check --stack {status.stack}"
            branch.ill(_of_answers(answer, "Data is wrong", (step,)))


def _is_over(status: StackStatus) -> bool:
    """Say whether callers met failures in the last hour, and none in its last 15 minutes."""
    failures = status.metrics.callers.failures()
    return bool(failures) and all(_was_long_ago(answer.last) for answer in failures)


def _was_long_ago(moment: str) -> bool:
    return moment < (datetime.now(UTC) - _OVER).isoformat()


def _of_answers(answer: CallerAnswer, section: str, steps: tuple[str, ...]) -> Finding:
    return Finding(
        f"{counted(answer.calls, 'time')} {answer.said}",
        section,
        steps,
        over=_OVER_TEXT,
        window=_HOUR,
        first=answer.first,
        last=answer.last,
        example=f"request {answer.example}" if answer.example else "",
    )


def _failures(branch: Branch, stack: str, databases: Sequence[StackDatabase]) -> None:
    try:
        rows = _merged([row for database in databases for row in database.query(_FAILURES)])
    except OperationError as error:
        branch.unknown(f"failed notifications: {error}")
        return
    for row in rows:
        code, channel = str(row["code"]), str(row["channel"])
        failed, lately = int(str(row["failed"])), int(str(row["lately"]))
        retrying, users = int(str(row["retrying"])), int(str(row["users"]))
        who = f"user {row['user_id']}" if users == 1 else counted(users, "user")
        said = (
            f"{channel}: {counted(failed, 'send')} failed and {retrying:,} in retry for {who}: "
            f"{code or 'no code'} {str(row['error'] or '')[:_MAX_ERROR]}".rstrip()
        )
        if not lately:
            branch.found.append(f"{said}; over: none in the last hour")
            continue
        # Words of callers: a shell that gets the command must obey none of them.
        of_channel = f"--channel {quote(channel)}"
        chosen = f"{of_channel}{f' --code {quote(code)}' if code else ''} --since 1h"
        listing = f"notifyctl logs --status failed {chosen} --stack {stack}"
        if not failed:
            listing = f"notifyctl logs --status retry {of_channel} --stack {stack}"
        section, first_step = "One channel", f"notifyctl channels list --stack {stack}"
        if users == 1:
            user = quote(str(row["user_id"]))
            section, first_step = "One user", f"notifyctl explain {user} --stack {stack}"
        elif code == _THROTTLED:
            first_step = f"notifyctl status --stack {stack}"
        branch.ill(
            Finding(
                said,
                section,
                (first_step, listing),
                over="when that lists nothing",
                window="the last day",
                first=str(row["first"]),
                last=str(row["last"]),
                example=str(row["message_id"]),
            )
        )
    if not rows:
        branch.found.append("failed notifications of the last day: none")


def _merged(rows: Iterable[Row]) -> list[Row]:
    """Return one row per code and channel, as one database would give them.

    No recipient has rows in two databases.
    """
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (str(row["code"]), str(row["channel"]))
        one = found.get(key)
        if one is None:
            found[key] = row
            continue
        sums = {
            name: int(str(one[name])) + int(str(row[name]))
            for name in ("failed", "retrying", "users", "lately")
        }
        newest = max(one, row, key=lambda each: str(each["last"]))
        first = min(str(one["first"]), str(row["first"]))
        found[key] = {**newest, **sums, "first": first}
    worst = sorted(found.values(), key=lambda row: (-int(row["lately"]), -int(row["failed"])))
    return worst[:_MAX_FAILURES]


def _lines(branch: Branch, account: StackAccount, watch: str) -> None:
    """Tell where to read the lines, which have the place: no API gives old ones away."""
    if not account.is_local:
        branch.found.append(f"log lines: Cloudflare shows them live only: {watch}")
        return
    url = account.base_url.removesuffix("/client/v4")
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            answer = client.get("/local/logs", params={"level": "error", "limit": _READ_LINES})
            found: list[dict[str, Any]] = answer.raise_for_status().json()["logs"]
    except httpx.HTTPError as error:
        branch.unknown(f"log lines: the local cloud doesn't give them: {error}")
        return
    except (ValueError, KeyError, TypeError):
        branch.unknown("log lines: the local cloud's answer has an unexpected form")
        return
    since = (datetime.now(UTC) - _RECENT).isoformat()
    events = [event for event in found if str(event.get("timestamp", "")) >= since]
    groups: dict[str, list[LogLine]] = {}
    for line in map(LogLine.of_event, events):
        if line.fields.get("type") == "api_request":
            continue  # Callers' answers are told by their own count.
        place = line.fields.get("error")
        groups.setdefault(f"{line.message}{f': {place}' if place else ''}", []).append(line)
    for said, lines in list(groups.items())[:_MAX_LINES]:
        newest = max(lines, key=lambda line: line.moment)
        told = f"{counted(len(lines), 'time')} {said}"
        if _was_long_ago(newest.moment):
            last = shown_time(newest.moment)
            branch.found.append(f"{told}; over: last at {last}, 15 minutes without another")
            continue
        branch.ill(
            Finding(
                told,
                "Errors",
                (watch,),
                over=_OVER_TEXT,
                window=_HOUR,
                first=min(line.moment for line in lines),
                last=newest.moment,
                example=f"request {newest.request_id}" if newest.request_id else "",
            )
        )
    if not groups:
        branch.found.append("log lines: none of level error in the last hour")
