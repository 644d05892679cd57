"""The templates that every fresh database has."""

import json
from pathlib import Path
from typing import Any

import pytest

from notification.grafana.payload import read_payload
from notification.grafana.variables import alert_variables
from notification.templates.contents import (
    RenderedContents,
    render_contents,
    syntax_problem,
)
from notification.templates.program import compile_template
from notification.templates.stored_template import TemplateText
from tests.worker.markup.parsers import read_telegram_html

pytestmark = pytest.mark.requirement("C-5.6")

CHANNELS = {"webhook", "telegram", "lark", "slack"}
FOLDER = Path(__file__).parents[3] / "sql" / "templates"
REQUIRED = {
    "grafana-alert": "status alertCount alertname severity summary description instance service "
    "runbook_url title",
    "system_alert": "alert_type severity message timestamp action_required",
    "user_notification": "title message action_text action_url",
    "status_update": "service_name status description affected_features estimated_time",
}
REQUIRED["grafana-alert-critical"] = REQUIRED["grafana-alert"]
FROM_GRAFANA = {"alerts", "truncatedAlerts"}


def load(key: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((FOLDER / f"{key}.json").read_text(encoding="utf-8"))
    return parsed


def row(key: str, channel: str) -> TemplateText:
    content = load(key)["contents"][channel]
    return TemplateText(
        content["content_type"], content["content_template"], content["subject_template"]
    )


def rendered(key: str, channel: str, variables: dict[str, Any]) -> RenderedContents:
    return render_contents(row(key, channel), variables, channel=channel)


def _variables_of(text: TemplateText) -> set[str]:
    sources = (text.subject or "", text.content)
    steps = (step for source in sources for step in compile_template(source).steps)
    return {step.path[0] for step in steps if step.path}


def test_there_is_one_file_for_each_template() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(REQUIRED)


@pytest.mark.parametrize("key", REQUIRED)
def test_a_template_has_its_variables_and_a_row_for_every_channel(key: str) -> None:
    template = load(key)
    assert template["template_key"] == key
    assert template["variables"] == REQUIRED[key].split()
    assert set(template["contents"]) == CHANNELS
    for channel in CHANNELS:
        text = row(key, channel)
        assert text.content_type in ("text", "html", "markdown", "json")
        assert syntax_problem(text) == ""
        read = _variables_of(text) - {"this", *FROM_GRAFANA}
        assert read <= set(template["variables"])


@pytest.mark.parametrize("channel", sorted(CHANNELS))
@pytest.mark.parametrize("key", REQUIRED)
def test_every_variable_is_shown_and_none_is_left_over(key: str, channel: str) -> None:
    names = REQUIRED[key].split()
    result = rendered(key, channel, {name: f"the {name.replace('_', ' ')}" for name in names})
    assert result.missing_variables == ()
    assert not result.truncated
    whole = f"{result.subject}\n{result.content}"
    assert "{{" not in whole
    # A summary stands for the description; the critical template's name is its severity.
    for name in set(names) - ({"description"} if "summary" in names else set()):
        assert f"the {name.replace('_', ' ')}" in whole, name


@pytest.mark.parametrize("key", REQUIRED)
def test_the_rows_for_telegram_are_html_that_it_accepts(key: str) -> None:
    result = rendered(key, "telegram", dict.fromkeys(REQUIRED[key].split(), "a <b> & c"))
    shown = read_telegram_html(f"<b>{result.subject}</b>\n\n{result.content}")
    assert "a <b> & c" in shown


@pytest.mark.requirement("D-15", "B-46")
@pytest.mark.parametrize("channel", sorted(CHANNELS))
@pytest.mark.parametrize("key", ["grafana-alert", "grafana-alert-critical"])
def test_a_grafana_call_shows_every_alert(key: str, channel: str) -> None:
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": f"CPU{number}", "severity": "critical"},
            "annotations": {"summary": f"hot {number}"} if number else {},
            "startsAt": f"2025-01-05T1{number}:00:00Z",
        }
        for number in range(3)
    ]
    payload = read_payload({"receiver": "ops", "status": "firing", "alerts": alerts})
    result = rendered(key, channel, alert_variables(payload))
    assert result.missing_variables == ()
    assert "[object" not in result.content
    for shown in ("CPU0", "CPU1", "hot 1", "CPU2", "hot 2", "2025-01-05T12:00:00Z", "critical"):
        assert shown in result.content


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_what_is_optional_leaves_no_label_behind(channel: str) -> None:
    required = {"alert_type": "Disk", "severity": "high", "message": "full"}
    result = rendered("system_alert", channel, required)
    assert result.missing_variables == ()
    assert "Time" not in result.content
    assert "Action" not in result.content
