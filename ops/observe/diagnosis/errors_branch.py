"""Does the service fail, and where?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level
from ops.observe.tail.log_line import LogLine
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

_MAX_LINES = 5
_RECENT = timedelta(hours=1)
# Ids begin with the moment: milliseconds since 2024 (Julian day 2460310.5), times 4096.
_FAILURES = """
SELECT COALESCE(last_error_code, 'no code') AS code, channel_type AS channel,
  COUNT(*) AS n, MAX(updated_at) AS last
FROM notification_logs
WHERE status = 'failed'
  AND id >= CAST((julianday('now', '-1 day') - 2460310.5) * 86400000 AS INTEGER) * 4096
GROUP BY 1, 2 ORDER BY n DESC LIMIT 10
"""


def errors_branch(status: StackStatus, account: StackAccount, database: StackDatabase) -> Branch:
    """Look at the rates, the newest lines of level error, and the reasons of failed sends."""
    branch = Branch("errors", "Does the service fail?")
    watch = f"notifyctl tail --stack {status.stack} --level error"
    for reading in status.readings:
        if reading.metric.unit != "%":
            continue
        said = f"{reading.metric.name}: {reading.shown} ({reading.metric.source})"
        if reading.level is Level.WARNING:
            branch.ill(said, f"Watch them happen: {watch}.")
        else:
            branch.found.append(said)
    for said, count in status.metrics.callers.failures().most_common(_MAX_LINES):
        branch.ill(f"{count} times {said}", f"Watch them happen: {watch}.")
    branch.found += status.unknown_lines
    _lines(branch, account, watch)
    _failures(branch, database)
    if branch.advice:
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
            answer = client.get("/local/logs", params={"level": "error", "limit": _MAX_LINES})
            found: list[dict[str, Any]] = answer.raise_for_status().json()["logs"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        branch.unknown(f"log lines: the local cloud doesn't give them: {error}")
        return
    since = (datetime.now(UTC) - _RECENT).isoformat()
    events = [event for event in found if str(event.get("timestamp", "")) >= since]
    for line in map(LogLine.of_event, events):
        place = line.fields.get("error")
        said = f"{line.moment} {line.message}{f': {place}' if place else ''}"
        branch.ill(said, f"Look at everything of one request: {watch} --request-id ID.")
    if not events:
        branch.found.append("log lines: none of level error in the last hour")


def _failures(branch: Branch, database: StackDatabase) -> None:
    try:
        rows = database.query(_FAILURES)
    except OperationError as error:
        branch.unknown(f"failed notifications: {error}")
        return
    for row in rows:
        branch.found.append(
            f"{row['n']} failed over {row['channel']} with {row['code']}, last {row['last']}"
        )
    if not rows:
        branch.found.append("failed notifications of the last day: none")
