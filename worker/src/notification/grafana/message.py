"""The message for a group of alerts that names no template."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from notification.grafana.dates import readable_date
from notification.grafana.payload import Alert, GrafanaPayload, text_field
from notification.templates.values import value_text

_INDENT = "   "
_LABELS = ("severity", "instance", "job", "namespace", "pod")


class AlertMessage(NamedTuple):
    """Subject and content, ready to be sent as custom content."""

    subject: str
    content: str


def alert_message(payload: GrafanaPayload) -> AlertMessage:
    """Status, count and common labels, then every alert that is shown."""
    count = len(payload.shown)
    what = payload.name if count == 1 else f"{count} alerts ({payload.name})"
    sign = "🚨 ALERT" if payload.status == "firing" else "✅ RESOLVED"
    return AlertMessage(f"{sign}: {what}", "\n".join(_lines(payload, count)))


def _lines(payload: GrafanaPayload, count: int) -> Iterator[str]:
    yield f"**Status**: {payload.status.upper()}"
    yield f"**Alert Count**: {count}"
    if payload.common_labels:
        yield ""
        yield "**Common Labels**:"
        yield from _listed(payload.common_labels)
    yield ""
    yield "**Alerts**:"
    for number, alert in enumerate(payload.shown, start=1):
        yield ""
        yield f"{number}. **{text_field(alert.labels, 'alertname') or 'Alert'}**"
        for line in _alert_lines(alert):
            yield _INDENT + line
    if payload.truncated_alerts:
        yield ""
        yield f"{payload.truncated_alerts} more alerts are not shown."
    if payload.external_url:
        yield ""
        yield f"[Alert Manager]({payload.external_url})"


def _alert_lines(alert: Alert) -> Iterator[str]:
    yield f"Status: {alert.status}"
    yield f"Started: {readable_date(alert.starts_at)}"
    if alert.status == "resolved":
        yield f"Ended: {readable_date(alert.ends_at)}"
    for source, names in ((alert.annotations, ("summary", "description")), (alert.labels, _LABELS)):
        for name in names:
            text = value_text(source.get(name))
            if text:
                yield f"{name.capitalize()}: {text}"
    if alert.values:
        yield "Values:"
        yield from _listed(alert.values)
    if alert.generator_url:
        yield f"[View in Grafana]({alert.generator_url})"


def _listed(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"- {name}: {value_text(value)}"
