"""The variables that a template gets from a group of alerts."""

from typing import Any

from notification.grafana.payload import Alert, GrafanaPayload, text_field


def alert_variables(payload: GrafanaPayload) -> dict[str, Any]:
    """Return the variables of the group and of its first alert, and `alerts` with all alerts.

    The measured values of the first alert are added under their own names, unless a name is taken.
    """
    first = payload.shown[0]
    variables: dict[str, Any] = {
        "status": payload.status,
        "alertCount": len(payload.shown),
        "groupKey": payload.group_key,
        "externalURL": payload.external_url,
        "title": payload.title or payload.name,
        "state": payload.state or payload.status,
        "message": payload.message,
        "orgId": payload.org_id,
        "truncatedAlerts": payload.truncated_alerts,
        "commonLabels": payload.common_labels,
        "commonAnnotations": payload.common_annotations,
        "groupLabels": payload.group_labels,
        **_described(first),
        "service": text_field(first.labels, "service"),
        "instance": text_field(first.labels, "instance"),
        "runbook_url": text_field(first.annotations, "runbook_url"),
        "alerts": [_alert_object(alert) for alert in payload.shown],
    }
    return {**first.values, **variables}


def _described(alert: Alert) -> dict[str, Any]:
    return {
        "alertname": text_field(alert.labels, "alertname") or "Unknown",
        "severity": text_field(alert.labels, "severity") or "info",
        "summary": text_field(alert.annotations, "summary"),
        "description": text_field(alert.annotations, "description"),
    }


def _alert_object(alert: Alert) -> dict[str, Any]:
    return {
        "status": alert.status,
        "fingerprint": alert.fingerprint,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": alert.starts_at,
        "endsAt": alert.ends_at,
        "generatorURL": alert.generator_url,
        "values": alert.values,
        **_described(alert),
    }
