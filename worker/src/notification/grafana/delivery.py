"""How a Grafana call is delivered: over which channels, and how its repetition is known."""

import hashlib
import json
from collections.abc import Sequence

from notification.grafana.payload import GrafanaPayload

DEFAULT_CHANNEL = "webhook"
IDEMPOTENCY_WINDOW_S = 300
"""Seconds in which the same group of alerts in the same state is the same notification."""


def requested_channels(header: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The channels that `X-Notification-Channels` names, in its order and each once.

    Names are trimmed and lower-cased; unknown ones are dropped; without any it is `webhook`.
    """
    names = (name.strip().lower() for name in (header or "").split(","))
    return tuple(dict.fromkeys(n for n in names if n in known)) or (DEFAULT_CHANNEL,)


def idempotency_key(payload: GrafanaPayload, channels: Sequence[str]) -> str:
    """`grafana:` and the SHA-256 of what makes a call the same as another.

    That is receiver, group, status, channels, and each alert's fingerprint, start and end,
    whatever their order.
    """
    alerts = sorted([alert.fingerprint, alert.starts_at, alert.ends_at] for alert in payload.alerts)
    material = json.dumps(
        [payload.receiver, payload.group_key, payload.status, alerts, sorted(channels)],
        separators=(",", ":"),
    )
    return f"grafana:{hashlib.sha256(material.encode()).hexdigest()}"
