"""The database's slow statements, as Cloudflare's analytics know them."""

from __future__ import annotations

from collections.abc import Mapping
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


def slow_statements(database: StackDatabase, *, days: int) -> Section:
    """List the slowest by their mean; say so where the account's analytics don't tell."""
    section = Section("Slow statements and sends")
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
    what = "show its analytics"
    try:
        answer = account.document(
            what, lambda client: client.post("/graphql", body=body, cast_to=object)
        )
        with account.understood(what):
            if errors := answer.get("errors"):
                raise OperationError(str(errors[0].get("message", "refused")))
            groups = answer["data"]["viewer"]["accounts"][0]["d1QueriesAdaptiveGroups"]
            lines = [_line(group) for group in groups]
    except OperationError as error:
        section.lines.append(f"slow statements aren't known: Cloudflare's analytics say '{error}'")
        section.metrics["statements"] = None
        return section
    section.metrics["statements"] = groups
    section.lines += lines or ["no statements were counted"]
    return section


def _line(group: Mapping[str, Any]) -> str:
    text = " ".join(str(group["dimensions"]["query"]).split())[:_SHOWN]
    average = group["avg"]
    return (
        f"{average['queryDurationMs']:.1f} ms, {average['rowsRead']:.0f} rows read, "
        f"{group['count']} times: {text}"
    )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
