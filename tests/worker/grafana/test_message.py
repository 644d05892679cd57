"""Variables and custom content of a Grafana call."""

import pytest

from notification.grafana.message import alert_message, readable_date
from notification.grafana.payload import read_payload
from notification.grafana.variables import alert_variables
from notification.markup.dialect import COMMON
from notification.markup.lark import DIALECT as LARK
from notification.markup.markdown import read_markdown
from notification.markup.slack import DIALECT as SLACK
from notification.markup.telegram import DIALECT as TELEGRAM
from notification.markup.telegram import telegram_texts
from tests.worker.grafana.calls import alert, call

pytestmark = pytest.mark.requirement("C-8.1")


def test_the_contracts_example_as_custom_content() -> None:
    message = alert_message(read_payload(call()))
    assert message.subject == "🚨 ALERT: HighCPU"
    assert message.content.split("\n") == [
        "**Status**: FIRING",
        "**Alert Count**: 1",
        "",
        "**Common Labels**:",
        "- alertname: HighCPU",
        "",
        "**Alerts**:",
        "",
        "1. **HighCPU**",
        "   Status: firing",
        "   Started: 2025-01-05 10:00:00 UTC",
        "   Summary: CPU high",
        "   Severity: critical",
        "   Instance: server-01",
        "   Values:",
        "   - B: 95.2",
        "   [View in Grafana](http://grafana.example.com/x)",
        "",
        "[Alert Manager](http://grafana.example.com)",
    ]


def test_a_resolved_group_of_several_alerts() -> None:
    labels = {"pod": "p", "namespace": "n", "job": "j"}
    second = alert(
        status="resolved",
        labels=labels,
        annotations={"description": "d", "summary": "s"},
        endsAt="2025-01-05T12:30:00+02:00",
        values=None,
        generatorURL="",
    )
    payload = read_payload(
        call(
            status="resolved",
            commonLabels={},
            externalURL="",
            alerts=[alert(status="resolved"), second],
        )
    )
    message = alert_message(payload)
    assert message.subject == "✅ RESOLVED: 2 alerts (Alert)"
    lines = message.content.split("\n")
    assert lines[:5] == ["**Status**: RESOLVED", "**Alert Count**: 2", "", "**Alerts**:", ""]
    assert lines[lines.index("2. **Alert**") :] == [
        "2. **Alert**",
        "   Status: resolved",
        "   Started: 2025-01-05 10:00:00 UTC",
        "   Ended: 2025-01-05 10:30:00 UTC",
        "   Summary: s",
        "   Description: d",
        "   Job: j",
        "   Namespace: n",
        "   Pod: p",
    ]


@pytest.mark.requirement("B-46")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-05T10:00:00Z", "2025-01-05 10:00:00 UTC"),
        ("2025-01-05T18:00:00.123456789+08:00", "2025-01-05 10:00:00 UTC"),
        ("2025-01-05T23:30:00.5-01:00", "2025-01-06 00:30:00 UTC"),
        ("2025-01-05", "2025-01-05 00:00:00 UTC"),
        ("2025-01-05T10:00", "2025-01-05 10:00:00 UTC"),
        ("0999-12-31T00:00:00Z", "0999-12-31 00:00:00 UTC"),
        ("0001-01-01T00:00:00Z", "N/A"),
        ("0001-01-01T00:00:00+08:00", "N/A"),
        ("", "N/A"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59-01:00"),
        ("2025-02-30T10:00:00Z", "2025-02-30T10:00:00Z"),
        ("2025-01-05T10:00:00+99:00", "2025-01-05T10:00:00+99:00"),
        ("1/5/2025, 10:00:00 AM", "1/5/2025, 10:00:00 AM"),
        ("٢٠٢٥-01-05", "٢٠٢٥-01-05"),
    ],
)
def test_dates_read_the_same_everywhere(text: str, expected: str) -> None:
    assert readable_date(text) == expected


def test_the_contracts_example_as_variables() -> None:
    payload = read_payload(call(orgId=3, title="CPU is high", state="alerting", message="m"))
    one = {
        "status": "firing",
        "fingerprint": "abc",
        "labels": {"alertname": "HighCPU", "severity": "critical", "instance": "server-01"},
        "annotations": {"summary": "CPU high"},
        "startsAt": "2025-01-05T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://grafana.example.com/x",
        "silenceURL": "",
        "dashboardURL": "",
        "panelURL": "",
        "imageURL": "",
        "values": {"B": 95.2},
        "alertname": "HighCPU",
        "severity": "critical",
        "summary": "CPU high",
        "description": "",
    }
    assert alert_variables(payload) == {
        "status": "firing",
        "alertCount": 1,
        "firingCount": 1,
        "resolvedCount": 0,
        "groupKey": '{}:{alertname="HighCPU"}',
        "externalURL": "http://grafana.example.com",
        "title": "CPU is high",
        "state": "alerting",
        "message": "m",
        "orgId": 3,
        "truncatedAlerts": 0,
        "commonLabels": {"alertname": "HighCPU"},
        "commonAnnotations": {},
        "groupLabels": {},
        "alertname": "HighCPU",
        "severity": "critical",
        "summary": "CPU high",
        "description": "",
        "service": "",
        "instance": "server-01",
        "runbook_url": "",
        "silenceURL": "",
        "dashboardURL": "",
        "panelURL": "",
        "imageURL": "",
        "B": 95.2,
        "alerts": [one],
    }


def test_missing_fields_have_defaults() -> None:
    variables = alert_variables(read_payload(call(alerts=[alert(labels={})], commonLabels=None)))
    assert (variables["alertname"], variables["severity"]) == ("Unknown", "info")
    assert (variables["title"], variables["state"], variables["orgId"]) == ("Alert", "firing", None)


@pytest.mark.requirement("B-46")
def test_measured_values_never_shadow_a_variable() -> None:
    taken = {"alertname": 1, "status": 2, "alerts": 3, "runbook_url": 4, "title": 5, "C": 6}
    variables = alert_variables(read_payload(call(alerts=[alert(values=taken)])))
    assert variables["C"] == 6
    assert variables["alertname"] == "HighCPU"
    assert variables["status"] == "firing"
    assert variables["title"] == "HighCPU"
    assert variables["runbook_url"] == ""
    assert isinstance(variables["alerts"], list)


OLD = alert(status="resolved", labels={"alertname": "OldAlert"}, annotations={"summary": "over"})
NEW = alert(
    labels={"alertname": "NewAlert", "severity": "critical"},
    annotations={"summary": "CPU high"},
    silenceURL="http://grafana.example.com/silence",
    dashboardURL="http://grafana.example.com/d/1",
    panelURL="http://grafana.example.com/d/1?viewPanel=2",
    imageURL="http://grafana.example.com/i.png",
)


@pytest.mark.requirement("C-0.32")
def test_a_resolved_first_member_does_not_name_a_firing_group() -> None:
    payload = read_payload(call(alerts=[OLD, NEW], commonLabels={}))
    variables = alert_variables(payload)
    assert (variables["alertname"], variables["summary"]) == ("NewAlert", "CPU high")
    assert (variables["firingCount"], variables["resolvedCount"]) == (1, 1)
    shown = [(one["alertname"], one["status"]) for one in variables["alerts"]]
    assert shown == [("OldAlert", "resolved"), ("NewAlert", "firing")]
    message = alert_message(payload)
    assert message.subject == "🚨 ALERT: 1 firing, 1 resolved (Alert)"
    assert "2 (1 firing, 1 resolved)" in message.content.splitlines()[1]


@pytest.mark.requirement("C-0.32")
def test_the_common_fields_name_the_group_before_any_member() -> None:
    payload = read_payload(
        call(
            alerts=[OLD, NEW],
            commonLabels={"alertname": "Disk", "service": "db"},
            commonAnnotations={"summary": "full", "runbook_url": "http://runbook"},
        )
    )
    variables = alert_variables(payload)
    assert (variables["alertname"], variables["summary"]) == ("Disk", "full")
    assert (variables["service"], variables["runbook_url"]) == ("db", "http://runbook")


@pytest.mark.requirement("C-0.32")
def test_what_the_members_differ_in_describes_none_of_them() -> None:
    other = NEW | {"labels": {"alertname": "Third", "severity": "critical"}, "values": {"B": 1}}
    other["silenceURL"] = "http://grafana.example.com/other"
    variables = alert_variables(read_payload(call(alerts=[NEW, other], commonLabels=None)))
    assert (variables["alertname"], variables["severity"]) == ("Unknown", "critical")
    assert (variables["silenceURL"], variables["panelURL"]) == ("", NEW["panelURL"])
    assert "B" not in variables


@pytest.mark.requirement("C-0.32")
def test_every_link_of_an_alert_reaches_templates() -> None:
    names = ("silenceURL", "dashboardURL", "panelURL", "imageURL")
    variables = alert_variables(read_payload(call(alerts=[OLD, NEW])))
    for name in names:
        assert variables["alerts"][1][name] == variables[name] == NEW[name]
        assert variables["alerts"][0][name] == ""


def test_values_of_an_alert_are_text() -> None:
    labels = {"alertname": "a*b", "pod": "<at id=all></at>"}
    payload = read_payload(call(alerts=[alert(labels=labels)], commonLabels={}))
    message = alert_message(payload)
    for dialect in (COMMON, LARK, SLACK, TELEGRAM):
        document = read_markdown(message.content, dialect)
        assert "Pod: <at id=all></at>" in document.text
        assert "1. a*b" in document.text
        assert {span.kind for span in document.spans} <= {"bold", "link"}


@pytest.mark.requirement("C-0.33")
def test_a_name_in_a_label_mentions_nobody_on_telegram() -> None:
    given = call(alerts=[alert(labels={"alertname": "@durov is full", "job": "(@ops_team)"})])
    content = alert_message(read_payload(given)).content
    (text,) = telegram_texts(
        subject=None, content=content, content_type="markdown", parse_mode="HTML"
    ).texts
    assert "@\u2060durov is full" in text
    assert "(@\u2060ops_team)" in text
