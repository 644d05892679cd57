"""The message for a group of alerts that names no template."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from notification.grafana.payload import Alert, GrafanaPayload, text_field
from notification.markup.document import is_address
from notification.markup.escaping import escape_markdown_value
from notification.templates.values import value_text

ABSENT = "N/A"
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))?)?"
)


def readable_date(text: str) -> str:
    """Format an ISO 8601 date or date-time as `YYYY-MM-DD HH:MM:SS UTC`.

    Year 1, which is how Go writes "no time", and an empty text give `N/A`; a text that is no date
    comes back unchanged. A time without an offset is UTC.

    >>> readable_date("2025-01-05T18:00:00.123456789+08:00")
    '2025-01-05 10:00:00 UTC'
    """
    if not text:
        return ABSENT
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second, sign, hours, minutes = match.groups(default="0")
    if int(year) <= 1:
        return ABSENT
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=timezone(-offset if sign == "-" else offset),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    # strftime pads years differently on different platforms.
    return f"{moment.isoformat(sep=' ', timespec='seconds')[:19]} UTC"


_INDENT = "   "
_LABELS = ("severity", "instance", "job", "namespace", "pod")


class AlertMessage(NamedTuple):
    """The subject and content of a notification, in Markdown with every value escaped."""

    subject: str
    content: str


def alert_message(payload: GrafanaPayload, origin: str = "Grafana") -> AlertMessage:
    """Write status, counts and common labels, then every alert that is shown.

    A group of firing and resolved alerts is counted as what it is.
    """
    count = len(payload.shown)
    name = escape_markdown_value(payload.name)
    what = name if count == 1 else f"{_counts(payload, count)} ({name})"
    sign = "🚨 ALERT" if payload.status == "firing" else "✅ RESOLVED"
    return AlertMessage(f"{sign}: {what}", "\n".join(_lines(payload, count, origin)))


def _is_uniform(payload: GrafanaPayload, count: int) -> bool:
    return payload.counted("firing") in (0, count)


def _counts(payload: GrafanaPayload, count: int) -> str:
    if _is_uniform(payload, count):
        return f"{count} alerts"
    return f"{payload.counted('firing')} firing, {payload.counted('resolved')} resolved"


def _lines(payload: GrafanaPayload, count: int, origin: str) -> Iterator[str]:
    yield f"**Status**: {payload.status.upper()}"
    mixed = "" if _is_uniform(payload, count) else f" ({_counts(payload, count)})"
    yield f"**Alert Count**: {count}{mixed}"
    if payload.common_labels:
        yield ""
        yield "**Common Labels**:"
        yield from _listed(payload.common_labels)
    yield ""
    yield "**Alerts**:"
    for number, alert in enumerate(payload.shown, start=1):
        yield ""
        name = value_text(text_field(alert.labels, "alertname")) or "Alert"
        yield f"{number}. **{escape_markdown_value(name)}**"
        for line in _alert_lines(alert, origin):
            yield _INDENT + line
    if payload.truncated_alerts:
        yield ""
        yield f"{payload.truncated_alerts} more alerts are not shown."
    if payload.external_url:
        yield ""
        yield _link("Alert Manager", payload.external_url)


def _alert_lines(alert: Alert, origin: str) -> Iterator[str]:
    yield f"Status: {alert.status}"
    yield f"Started: {escape_markdown_value(readable_date(alert.starts_at))}"
    if alert.status == "resolved":
        yield f"Ended: {escape_markdown_value(readable_date(alert.ends_at))}"
    for source, names in ((alert.annotations, ("summary", "description")), (alert.labels, _LABELS)):
        for name in names:
            text = value_text(source.get(name))
            if text:
                yield f"{name.capitalize()}: {escape_markdown_value(text)}"
    if alert.values:
        yield "Values:"
        yield from _listed(alert.values)
    if alert.generator_url:
        yield _link(f"View in {origin}", alert.generator_url)


def _listed(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"- {escape_markdown_value(name)}: {escape_markdown_value(value_text(value))}"


def _link(label: str, address: str) -> str:
    """Write a link; an address that none can lead to is written out."""
    escaped = escape_markdown_value(address)
    return f"[{label}]({escaped})" if is_address(address) else f"{label}: {escaped}"
