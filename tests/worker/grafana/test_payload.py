"""The payloads that are accepted from Grafana."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.errors import ServiceError
from notification.grafana.message import alert_message
from notification.grafana.payload import read_payload
from notification.grafana.variables import alert_variables
from tests.worker.grafana.calls import alert, call

pytestmark = pytest.mark.requirement("C-8.1")


def refusal(body: object) -> str:
    with pytest.raises(ServiceError) as refused:
        read_payload(body)
    assert refused.value.status == 400
    return refused.value.text


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_body_that_is_not_an_object_is_refused(body: object) -> None:
    assert refusal(body) == "Invalid payload format"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"receiver": None}, "Missing or invalid receiver field"),
        ({"receiver": 7}, "Missing or invalid receiver field"),
        ({"receiver": " "}, "Missing or invalid receiver field"),
        ({"status": "pending"}, "Missing or invalid status field"),
        ({"status": ["firing"]}, "Missing or invalid status field"),
        ({"alerts": None}, "Alerts must be an array"),
        ({"alerts": {"0": {}}}, "Alerts must be an array"),
        ({"alerts": []}, "Alerts must not be empty"),
        ({"alerts": [alert(), alert(status="ok")]}, "Invalid status in alert 1"),
        ({"alerts": ["firing"]}, "Invalid status in alert 0"),
        ({"alerts": [alert(labels=None)]}, "Missing labels in alert 0"),
        ({"alerts": [alert(), alert(), alert(labels=[])]}, "Missing labels in alert 2"),
        ({"alerts": [alert()] * 120 + [alert(labels=None)]}, "Missing labels in alert 120"),
    ],
)
def test_the_first_wrong_field_is_named(changes: dict[str, Any], text: str) -> None:
    assert refusal(call(**changes)) == text


@pytest.mark.requirement("B-46")
@pytest.mark.parametrize("annotations", [None, [], "x"])
def test_an_alert_without_annotations_counts_as_having_none(annotations: object) -> None:
    bare = alert(annotations=annotations)
    absent = {key: value for key, value in bare.items() if key != "annotations"}
    for one in (bare, absent):
        payload = read_payload(call(alerts=[one]))
        assert payload.alerts[0].annotations == {}
        assert "Summary" not in alert_message(payload).content


def test_the_smallest_payload_is_accepted() -> None:
    payload = read_payload(
        {"receiver": "ops", "status": "resolved", "alerts": [{"status": "resolved", "labels": {}}]}
    )
    assert (payload.receiver, payload.name, payload.template_key) == ("ops", "Alert", None)
    assert payload.alerts[0].starts_at == ""


def test_a_hundred_alerts_are_shown_and_the_others_counted() -> None:
    many = [alert(fingerprint=str(number)) for number in range(130)]
    payload = read_payload(call(alerts=many, truncatedAlerts=5))
    assert len(payload.shown) == 100
    assert payload.truncated_alerts == 35
    variables = alert_variables(payload)
    assert (len(variables["alerts"]), variables["truncatedAlerts"]) == (100, 35)
    assert variables["alertCount"] == 100
    assert "35 more alerts are not shown." in alert_message(payload).content


@pytest.mark.parametrize(
    ("common", "labels", "expected"),
    [
        ({"notification_template": "a"}, [{"notification_template": "b"}], "a"),
        ({}, [{}, {"notification_template": "b"}, {"notification_template": "c"}], "b"),
        ({"notification_template": ""}, [{"notification_template": 5}], None),
    ],
)
def test_the_template_is_named_by_a_label(
    common: dict[str, Any], labels: list[dict[str, Any]], expected: str | None
) -> None:
    alerts = [alert(labels=one) for one in labels]
    assert read_payload(call(commonLabels=common, alerts=alerts)).template_key == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
ALERT = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"]), "labels": st.dictionaries(st.text(), JSON)},
    optional={name: JSON for name in alert() if name not in ("status", "labels")},
)
CALL = st.fixed_dictionaries(
    {"receiver": st.just("ops"), "status": st.just("firing"), "alerts": st.lists(ALERT) | JSON},
    optional=dict.fromkeys(
        ("groupKey", "externalURL", "commonLabels", "title", "truncatedAlerts", "orgId"), JSON
    ),
)


@settings(deadline=None, max_examples=50)
@given(CALL)
def test_any_body_is_refused_or_has_variables_and_a_message(body: dict[str, Any]) -> None:
    try:
        payload = read_payload(body)
    except ServiceError:
        return
    assert alert_variables(payload)["alertCount"] == len(body["alerts"])
    assert alert_message(payload).content.startswith("**Status**: FIRING\n")


@pytest.mark.parametrize(
    ("told", "counted"), [(5, 5), (1, 1), (0, 0), (-1, 0), (True, 0), ("5", 0), (1.5, 0), (None, 0)]
)
def test_what_grafana_left_out_is_counted_if_it_is_a_number(told: Any, counted: int) -> None:
    assert read_payload(call(truncatedAlerts=told)).truncated_alerts == counted
