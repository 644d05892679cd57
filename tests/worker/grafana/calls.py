"""Calls as Grafana makes them."""

from typing import Any


def alert(**changes: Any) -> dict[str, Any]:
    """The alert of the contract's example, with some fields changed."""
    return {
        "status": "firing",
        "labels": {"alertname": "HighCPU", "severity": "critical", "instance": "server-01"},
        "annotations": {"summary": "CPU high"},
        "startsAt": "2025-01-05T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://grafana.example.com/x",
        "fingerprint": "abc",
        "values": {"B": 95.2},
    } | changes


def call(**changes: Any) -> dict[str, Any]:
    """The contract's example, with some fields changed."""
    return {
        "receiver": "ops-team",
        "status": "firing",
        "groupKey": '{}:{alertname="HighCPU"}',
        "externalURL": "http://grafana.example.com",
        "commonLabels": {"alertname": "HighCPU"},
        "alerts": [alert()],
    } | changes
