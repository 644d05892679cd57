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
        {"alerts": [FIRST, SECOND | {"endsAt": "2025-01-05T11:00:00Z"}]},
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
