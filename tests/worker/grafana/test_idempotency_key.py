"""The channels of a Grafana call, and how its repetition is recognised."""

import re

import pytest

from notification.grafana.payload import idempotency_key, read_payload, requested_channels
from tests.worker.grafana.calls import alert, call

pytestmark = pytest.mark.requirement("C-8.1")

KNOWN = ("webhook", "telegram", "lark", "slack")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("lark,webhook", ("lark", "webhook")),
        (" Lark , SLACK,lark", ("lark", "slack")),
        ("email,lark,", ("lark",)),
        ("email", ("webhook",)),
        ("", ("webhook",)),
        (None, ("webhook",)),
    ],
)
def test_the_header_names_the_channels(header: str | None, expected: tuple[str, ...]) -> None:
    assert requested_channels(header, KNOWN) == expected


FIRST = alert(fingerprint="a")
SECOND = alert(fingerprint="b")


@pytest.mark.requirement("B-10")
def test_grafanas_own_repetition_has_the_same_key() -> None:
    key = idempotency_key(read_payload(call(alerts=[FIRST, SECOND])), ["lark", "webhook"])
    assert re.fullmatch(r"grafana:[0-9a-f]{64}", key)
    again = call(alerts=[SECOND, FIRST], title="new", externalURL="http://other/")
    assert idempotency_key(read_payload(again), ["webhook", "lark"]) == key


@pytest.mark.requirement("B-10")
@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": "other"},
        {"groupKey": "other"},
        {"status": "resolved"},
        {"alerts": [FIRST]},
        {"alerts": [FIRST, SECOND | {"fingerprint": "c"}]},
        {"alerts": [FIRST, SECOND | {"startsAt": "2025-01-05T10:00:01Z"}]},
        {"alerts": [FIRST, SECOND | {"status": "resolved"}]},
        {"alerts": [FIRST, SECOND | {"labels": {"alertname": "HighCPU", "instance": "other"}}]},
        {"alerts": [FIRST, SECOND | {"labels": {"alertname": "Other"}}]},
        {"alerts": [FIRST, SECOND | {"fingerprint": None}]},
        {"alerts": [FIRST, SECOND, SECOND]},
    ],
)
def test_anything_new_has_another_key(changes: dict[str, object]) -> None:
    before = idempotency_key(read_payload(call(alerts=[FIRST, SECOND])), ["lark"])
    after = idempotency_key(read_payload(call(alerts=[FIRST, SECOND]) | changes), ["lark"])
    assert after != before


def test_the_channels_belong_to_the_key() -> None:
    payload = read_payload(call())
    assert idempotency_key(payload, ["lark"]) != idempotency_key(payload, ["slack"])


def test_alerts_beyond_those_shown_belong_to_the_key() -> None:
    many = [alert(fingerprint=str(number)) for number in range(101)]
    more = [*many[:100], alert(fingerprint="other")]
    first, second = (read_payload(call(alerts=alerts)) for alerts in (many, more))
    assert idempotency_key(first, ["lark"]) != idempotency_key(second, ["lark"])


@pytest.mark.requirement("C-0.43")
@pytest.mark.parametrize("fingerprint", ["", None, "same"])
@pytest.mark.parametrize("changed", [{"alertname": "Other"}, {"instance": "b"}, {"disk": "/"}])
def test_alerts_are_told_apart_by_their_labels_whatever_the_fingerprint_says(
    fingerprint: str | None, changed: dict[str, str]
) -> None:
    labels = {"alertname": "HighCPU", "instance": "a"}
    keys = {
        idempotency_key(
            read_payload(call(alerts=[alert(fingerprint=fingerprint, labels=some)])), ["lark"]
        )
        for some in (labels, labels | changed)
    }
    assert len(keys) == 2


@pytest.mark.requirement("C-0.43")
def test_the_order_of_labels_and_the_moving_end_of_a_firing_alert_change_nothing() -> None:
    labels = {"alertname": "HighCPU", "instance": "a"}
    backwards = dict(reversed(labels.items()))
    keys = {
        idempotency_key(read_payload(call(alerts=[one])), ["lark"])
        for one in (
            alert(labels=labels),
            alert(labels=backwards),
            alert(labels=labels, endsAt="2025-01-05T10:04:00Z"),
            alert(labels=labels, annotations={"summary": "other"}, values={"B": 96}),
        )
    }
    assert len(keys) == 1


@pytest.mark.requirement("C-0.43")
def test_a_resolved_alert_that_ended_at_another_time_is_another_message() -> None:
    ended = [alert(status="resolved", endsAt=f"2025-01-05T1{hour}:00:00Z") for hour in (1, 2)]
    keys = {idempotency_key(read_payload(call(alerts=[one])), ["lark"]) for one in ended}
    assert len(keys) == 2
