"""The variables that a template gets from a group of alerts."""

from typing import Any

from notification.grafana.payload import Alert, GrafanaPayload, text_field


def alert_variables(payload: GrafanaPayload) -> dict[str, Any]:
    """Return the variables of the group, and `alerts` with each member and its own status.

    A group is described by what its members share: by Grafana's common labels and annotations,
    else by what all members with the group's status agree on. So a resolved alert never names a
    group that is firing. Measured values are added under their own names in the same way, unless
    a name is taken.
    """
    variables: dict[str, Any] = {
        "status": payload.status,
        "alertCount": len(payload.shown),
        "firingCount": payload.counted("firing"),
        "resolvedCount": payload.counted("resolved"),
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
        **_described(_shared_labels(payload), _shared_annotations(payload)),
        "service": text_field(_shared_labels(payload), "service"),
        "instance": text_field(_shared_labels(payload), "instance"),
        "runbook_url": text_field(_shared_annotations(payload), "runbook_url"),
        **_agreed([_links(alert) for alert in payload.leading], default=""),
        "alerts": [_alert_object(alert) for alert in payload.shown],
    }
    return {**_agreed([alert.values for alert in payload.leading]), **variables}


def _shared_labels(payload: GrafanaPayload) -> dict[str, Any]:
    return {**_agreed([alert.labels for alert in payload.leading]), **payload.common_labels}


def _shared_annotations(payload: GrafanaPayload) -> dict[str, Any]:
    members = _agreed([alert.annotations for alert in payload.leading])
    return {**members, **payload.common_annotations}


def _agreed(members: list[dict[str, Any]], *, default: Any = None) -> dict[str, Any]:
    """Return the fields that all members have with one value; with a default, the others, too."""
    first, *others = members
    agreed = {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }
    return agreed if default is None else dict.fromkeys(first, default) | agreed


def _described(labels: dict[str, Any], annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "alertname": text_field(labels, "alertname") or "Unknown",
        "severity": text_field(labels, "severity") or "info",
        "summary": text_field(annotations, "summary"),
        "description": text_field(annotations, "description"),
    }


def _links(alert: Alert) -> dict[str, Any]:
    return {
        "silenceURL": alert.silence_url,
        "dashboardURL": alert.dashboard_url,
        "panelURL": alert.panel_url,
        "imageURL": alert.image_url,
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
        **_links(alert),
        "values": alert.values,
        **_described(alert.labels, alert.annotations),
    }
