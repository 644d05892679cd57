"""The payload of Grafana's alerting webhook (v9 and later), checked.

Source: Grafana documentation, "Webhook notifier", body of the request.
"""

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from notification.errors import ServiceError

MAX_ALERTS = 100
"""Alerts of a payload that are shown; the rest are only counted."""
_STATUSES = ("firing", "resolved")


class Alert(NamedTuple):
    """One alert. Texts are as received; empty if Grafana sent none."""

    status: str
    fingerprint: str
    labels: dict[str, Any]
    annotations: dict[str, Any]
    starts_at: str
    ends_at: str
    generator_url: str
    silence_url: str
    dashboard_url: str
    panel_url: str
    image_url: str
    values: dict[str, Any]

    def identity(self) -> str:
        """Return what tells this alert from every other one, as JSON text.

        A fingerprint is optional and may be wrong, so the labels count beside it. When a resolved
        alert ended counts, too; a firing one has not ended.
        """
        ended = self.ends_at if self.status == "resolved" else ""
        return json.dumps(
            [self.fingerprint, self.labels, self.status, self.starts_at, ended],
            sort_keys=True,
            separators=(",", ":"),
        )


class GrafanaPayload(NamedTuple):
    """A group of alerts. `alerts` are all that came; `shown` are those that are presented."""

    receiver: str
    status: str
    alerts: tuple[Alert, ...]
    group_key: str
    external_url: str
    title: str
    state: str
    message: str
    org_id: int | float | str | None
    truncated_alerts: int
    common_labels: dict[str, Any]
    common_annotations: dict[str, Any]
    group_labels: dict[str, Any]

    @property
    def shown(self) -> tuple[Alert, ...]:
        """The first alerts, as many as are presented."""
        return self.alerts[:MAX_ALERTS]

    @property
    def leading(self) -> tuple[Alert, ...]:
        """The shown alerts whose status is the group's: what the group as a whole is about."""
        return tuple(alert for alert in self.shown if alert.status == self.status) or self.shown

    def counted(self, status: str) -> int:
        """Return how many of the shown alerts have a status."""
        return sum(alert.status == status for alert in self.shown)

    @property
    def name(self) -> str:
        """The alerts' common name, or `Alert`."""
        return text_field(self.common_labels, "alertname") or "Alert"

    @property
    def template_key(self) -> str | None:
        """The label `notification_template` of the group, or of the first alert that has it."""
        for labels in (self.common_labels, *(alert.labels for alert in self.alerts)):
            key = text_field(labels, "notification_template")
            if key:
                return key
        return None


def read_payload(body: object) -> GrafanaPayload:
    """Check a parsed body.

    Raises:
        ServiceError: INVALID_REQUEST or INVALID_PARAMETER, naming the first field that Grafana
            would not have sent; alerts count from 0.
    """
    if not isinstance(body, dict):
        raise ServiceError("INVALID_REQUEST", "Invalid payload format")
    receiver = body.get("receiver")
    if not isinstance(receiver, str) or not receiver.strip():
        raise ServiceError("INVALID_PARAMETER", "Missing or invalid receiver field")
    if not _is_status(body.get("status")):
        raise ServiceError("INVALID_PARAMETER", "Missing or invalid status field")
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise ServiceError("INVALID_PARAMETER", "Alerts must be an array")
    if not alerts:
        raise ServiceError("INVALID_PARAMETER", "Alerts must not be empty")
    read = tuple(_alert(alert, index) for index, alert in enumerate(alerts))
    return GrafanaPayload(
        receiver=receiver,
        status=body["status"],
        alerts=read,
        group_key=text_field(body, "groupKey"),
        external_url=text_field(body, "externalURL"),
        title=text_field(body, "title"),
        state=text_field(body, "state"),
        message=text_field(body, "message"),
        org_id=_identifier(body.get("orgId")),
        truncated_alerts=_count(body.get("truncatedAlerts")) + max(len(read) - MAX_ALERTS, 0),
        common_labels=_object(body.get("commonLabels")),
        common_annotations=_object(body.get("commonAnnotations")),
        group_labels=_object(body.get("groupLabels")),
    )


def text_field(fields: Mapping[str, Any], name: str) -> str:
    """Return a text field; empty if it is missing or not text."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _alert(alert: object, index: int) -> Alert:
    if not isinstance(alert, dict) or not _is_status(alert.get("status")):
        raise ServiceError("INVALID_PARAMETER", f"Invalid status in alert {index}")
    if not isinstance(alert.get("labels"), dict):
        raise ServiceError("INVALID_PARAMETER", f"Missing labels in alert {index}")
    return Alert(
        status=alert["status"],
        fingerprint=text_field(alert, "fingerprint"),
        labels=alert["labels"],
        annotations=_object(alert.get("annotations")),
        starts_at=text_field(alert, "startsAt"),
        ends_at=text_field(alert, "endsAt"),
        generator_url=text_field(alert, "generatorURL"),
        silence_url=text_field(alert, "silenceURL"),
        dashboard_url=text_field(alert, "dashboardURL"),
        panel_url=text_field(alert, "panelURL"),
        image_url=text_field(alert, "imageURL"),
        values=_object(alert.get("values")),
    )


def _is_status(value: object) -> bool:
    return isinstance(value, str) and value in _STATUSES


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _identifier(value: object) -> int | float | str | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return value


def _count(value: object) -> int:
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0


DEFAULT_CHANNEL = "webhook"
IDEMPOTENCY_WINDOW_S = 300
"""Seconds within which the same alerts in the same state are one notification."""


def requested_channels(header: str | None, known: Container[str]) -> tuple[str, ...]:
    """Return the channels that `X-Notification-Channels` names, in its order, each once.

    Names are trimmed and lower-cased, and unknown ones dropped; if none is left it is `webhook`.
    """
    names = (name.strip().lower() for name in (header or "").split(","))
    return tuple(dict.fromkeys(n for n in names if n in known)) or (DEFAULT_CHANNEL,)


def idempotency_key(
    payload: GrafanaPayload, channels: Sequence[str], source: str = "Grafana"
) -> str:
    """Return the source's name (`grafana:`) and the SHA-256 of everything that identifies a call.

    That is receiver, group, status, channels, and the identity of each alert; the order of the
    alerts doesn't matter.
    """
    alerts = sorted(alert.identity() for alert in payload.alerts)
    material = json.dumps(
        [payload.receiver, payload.group_key, payload.status, alerts, sorted(channels)],
        separators=(",", ":"),
    )
    return f"{source.lower()}:{hashlib.sha256(material.encode()).hexdigest()}"
