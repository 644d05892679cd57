"""The database's slow statements, as Cloudflare's analytics know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.database.stack_database import StackDatabase
from ops.observe.reports.section import Section
from ops.stacks.errors import OperationError

# As `wrangler d1 insights` asks, the type of the filter included. Times are in milliseconds.
_QUERY = """
query Statements($account: string!, $filter: ZoneWorkersRequestsFilter_InputObject) {
  viewer { accounts(filter: {accountTag: $account}) {
    d1QueriesAdaptiveGroups(limit: 5, filter: $filter, orderBy: [avg_queryDurationMs_DESC]) {
      dimensions { query } count avg { queryDurationMs rowsRead }
} } } }
"""
_SHOWN = 120
_LISTED = 5
_WHAT = "show its analytics"


def slow_statements(databases: Sequence[StackDatabase], *, days: int) -> Section:
    """List the slowest by their mean; say so where the account's analytics don't tell."""
    section = Section("Slow statements and sends")
    try:
        groups = [group for database in databases for group in _groups(database, days)]
        with databases[0].account.understood(_WHAT):
            slowest = sorted(groups, key=lambda group: -group["avg"]["queryDurationMs"])[:_LISTED]
            lines = [_line(group) for group in slowest]
    except OperationError as error:
        section.lines.append(f"slow statements aren't known: Cloudflare's analytics say '{error}'")
        section.metrics["statements"] = None
        return section
    section.metrics["statements"] = slowest
    section.lines += lines or ["no statements were counted"]
    return section


def _groups(database: StackDatabase, days: int) -> list[dict[str, Any]]:
    account, now = database.account, datetime.now(UTC)
    wanted = {
        "AND": [
            {
                "datetimeHour_geq": _iso(now - timedelta(days=days)),
                "datetimeHour_leq": _iso(now),
                "databaseId": database.database_id,
            }
        ]
    }
    body = {"query": _QUERY, "variables": {"account": account.account_id, "filter": wanted}}
    answer = account.document(
        _WHAT, lambda client: client.post("/graphql", body=body, cast_to=object)
    )
    with account.understood(_WHAT):
        if errors := answer.get("errors"):
            raise OperationError(str(errors[0].get("message", "refused")))
        return list(answer["data"]["viewer"]["accounts"][0]["d1QueriesAdaptiveGroups"])


def _line(group: Mapping[str, Any]) -> str:
    text = " ".join(str(group["dimensions"]["query"]).split())[:_SHOWN]
    average = group["avg"]
    return (
        f"{average['queryDurationMs']:.1f} ms, {average['rowsRead']:.0f} rows read, "
        f"{group['count']} times: {text}"
    )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
