"""Does the service fail, and where?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Verdict
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level
from ops.observe.tail.log_line import LogLine
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from ops.stacks.moment import counted, shown_time

_MAX_LINES = 5
_READ_LINES = 200
_RECENT = timedelta(hours=1)
_OVER = timedelta(minutes=15)
"""What hasn't happened for so long counts as over."""
# Ids begin with the moment: milliseconds since 2024 (Julian day 2460310.5), times 4096.
_FAILURES = """
SELECT COALESCE(last_error_code, '') AS code, channel_type AS channel,
  COUNT(*) AS n, MAX(updated_at) AS last, message_id,
  SUM(updated_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')) AS lately
FROM notification_logs
WHERE status = 'failed'
  AND id >= CAST((julianday('now', '-1 day') - 2460310.5) * 86400000 AS INTEGER) * 4096
GROUP BY 1, 2 ORDER BY n DESC LIMIT 10
"""


def errors_branch(status: StackStatus, account: StackAccount, database: StackDatabase) -> Branch:
    """Look at the rates, the newest lines of level error, and the reasons of failed sends."""
    branch = Branch("errors", "Does the service fail?")
    # Failed attempts are warnings: at level error a tail would stay silent.
    watch = f"notifyctl tail --stack {status.stack} --level warn"
    for reading in status.readings:
        if reading.metric.unit != "%":
            continue
        said = f"{reading.metric.name}: {reading.shown} ({reading.metric.source})"
        if reading.level is Level.WARNING:
            limit = f"above {reading.threshold:g} {reading.metric.unit}, over below that"
            branch.ill(f"{said}, {limit}", f"Watch them happen: {watch}.")
        else:
            branch.found.append(said)
    for said, count in status.metrics.callers.failures().most_common(_MAX_LINES):
        branch.ill(f"{count} times {said}", f"Watch them happen: {watch}.")
    branch.found += status.unknown_lines
    _lines(branch, account, watch)
    _failures(branch, database)
    if branch.verdict is Verdict.ILL:
        branch.advice.append(
            f"Where a release brought it: notifyctl rollback plan --stack {status.stack}."
        )
    return branch


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
    except (httpx.HTTPError, ValueError, KeyError) as error:
        branch.unknown(f"log lines: the local cloud doesn't give them: {error}")
        return
    now = datetime.now(UTC)
    since = (now - _RECENT).isoformat()
    events = [event for event in found if str(event.get("timestamp", "")) >= since]
    groups: dict[str, list[LogLine]] = {}
    for line in map(LogLine.of_event, events):
        place = line.fields.get("error")
        groups.setdefault(f"{line.message}{f': {place}' if place else ''}", []).append(line)
    for said, lines in list(groups.items())[:_MAX_LINES]:
        newest = max(lines, key=lambda line: line.moment)
        told = (
            f"{said}: {counted(len(lines), 'time')} in the last hour, last at "
            f"{shown_time(newest.moment)}"
        )
        request = newest.request_id
        if newest.moment < (now - _OVER).isoformat():
            branch.found.append(f"{told}: over, since it hasn't happened for 15 minutes")
            continue
        step = f"Watch them happen: {watch}."
        if request:
            step = f"See one of them: notifyctl logs --request-id {request} --stack {account.stack}"
        branch.ill(f"{told}; over after 15 minutes without it", step)
    if not events:
        branch.found.append("log lines: none of level error in the last hour")


def _failures(branch: Branch, database: StackDatabase) -> None:
    try:
        rows = database.query(_FAILURES)
    except OperationError as error:
        branch.unknown(f"failed notifications: {error}")
        return
    for row in rows:
        code, channel = str(row["code"]), str(row["channel"])
        lately = int(str(row["lately"] or 0))
        branch.found.append(
            f"{counted(int(str(row['n'])), 'notification')} failed over {channel} with "
            f"{code or 'no code'} in the last day, {lately:,} in the last hour, last at "
            f"{shown_time(str(row['last']))}, such as {row['message_id']}"
        )
        if lately:
            chosen = f"--channel {channel}{f' --code {code}' if code else ''} --since 1h"
            branch.advice.append(
                f"See them: notifyctl logs --status failed {chosen} --stack {database.stack}; over "
                "when that lists nothing."
            )
    if not rows:
        branch.found.append("failed notifications of the last day: none")
