"""Templates and their live preview."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from notification.channels.registry import CHANNELS
from tests.console.open_console import OpenConsole


def preview(console: OpenConsole, channel: str) -> Locator:
    return console.page.locator(f".preview[data-channel={channel}]")


@pytest.mark.requirement("C-9")
def test_every_keystroke_is_drawn_as_each_channel_would_show_it(console: OpenConsole) -> None:
    page = console.page
    page.goto(f"{console.url}#/templates/grafana-alert")
    page.get_by_label("Sample values (JSON)").fill(
        '{"title": "Disk full", "status": "firing", "alertCount": 1, "alertname": "Disk"}'
    )
    for channel in CHANNELS:
        expect(preview(console, channel)).to_contain_text("Disk full (firing)")
    expect(preview(console, "telegram").locator("b", has_text="Status")).to_be_visible()
    expect(preview(console, "lark").locator("b", has_text="Status")).to_be_visible()
    expect(preview(console, "slack").locator("b", has_text="Status")).to_be_visible()
    expect(preview(console, "slack")).to_contain_text("Notification Bot")
    expect(preview(console, "webhook")).to_contain_text('"template_key": "grafana-alert"')
    expect(preview(console, "googlechat").locator("b", has_text="Status")).to_be_visible()
    expect(page.get_by_text("No text:")).to_have_count(0)

    page.get_by_text("Telegram", exact=True).first.click()
    page.get_by_label("Content type").select_option("markdown")
    page.get_by_label("Text for Telegram").fill("*Only* {{alertname}} and {{nothing}}")

    expect(preview(console, "telegram")).to_contain_text("Only Disk and {{nothing}}")
    expect(preview(console, "telegram").locator("b", has_text="Only")).to_be_visible()
    expect(preview(console, "telegram")).to_contain_text("Without a value: nothing")
    expect(preview(console, "lark")).to_contain_text("Disk full (firing)")


@pytest.mark.requirement("C-9")
def test_a_template_is_written_saved_sent_and_switched_off(console: OpenConsole) -> None:
    page, user = console.page, "template-reader"
    console.configure(user)
    console.open("Templates")
    page.get_by_role("link", name="New template").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("The key has 1 to 100 letters")
    page.get_by_label("Key").fill("made-in-the-console")
    page.get_by_label("Name", exact=True).fill("Made in the console")
    page.get_by_label("Variables", exact=True).fill("name, place")
    page.get_by_label("Text for Webhook").fill("Hello {{name}} of {{place}}")
    page.get_by_text("Slack +").click()
    page.get_by_role("button", name="Write one").click()
    page.get_by_role("button", name="Save").click()
    console.toast("Saved.")
    expect(page.get_by_role("heading", name="made-in-the-console")).to_be_visible()

    with console.served.service() as service:
        sent = service.call(
            "POST",
            "/api/notifications/send",
            body={
                "user_id": user,
                "channels": ["webhook"],
                "template_key": "made-in-the-console",
                "variables": {"name": "Ada", "place": "London"},
            },
        )
        assert sent.json()["results"][0]["status"] == "sent"
    assert "Hello Ada of London" in console.served.arrivals(f"/hook/{user}")[0]["body"]

    page.get_by_role("link", name="Send it …").click()
    page.get_by_label("User").fill(user)
    page.get_by_role("checkbox", name="Webhook").check()
    expect(page.locator("#template_key")).to_have_value("made-in-the-console")
    page.get_by_label("name", exact=True).fill("Grace")
    page.get_by_label("place", exact=True).fill("Paris")
    page.get_by_role("button", name="Send", exact=True).click()
    console.toast("Accepted: Webhook")
    assert "Hello Grace of Paris" in console.served.arrivals(f"/hook/{user}")[1]["body"]
    page.go_back()

    page.get_by_text("Slack", exact=True).first.click()
    page.get_by_role("button", name="Remove this channel's text").click()
    with page.expect_response("**/contents/slack"):
        page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="All templates").click()
    row = console.row("made-in-the-console")
    expect(row).to_contain_text("Webhook")
    expect(row).not_to_contain_text("Slack")
    row.get_by_role("button", name="Switch off made-in-the-console").click()
    console.answer_dialog("Switch off")
    expect(row).to_have_count(0)
    page.get_by_label("Show those that are off").check()
    expect(row).to_contain_text("off")


def test_a_mistake_is_said_at_its_channel_and_the_others_stay_drawn(console: OpenConsole) -> None:
    page = console.page
    page.goto(f"{console.url}#/templates/system_alert")
    expect(preview(console, "webhook")).to_contain_text("content")
    page.get_by_label("Text for Webhook").fill("{{#if severity}}never closed")
    expect(preview(console, "webhook").get_by_role("alert")).to_contain_text(
        "Invalid template syntax"
    )
    expect(preview(console, "lark").locator(".bubble")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".save-row").get_by_role("alert")).to_contain_text(
        "Invalid template syntax"
    )


def test_markup_of_values_is_drawn_as_text(console: OpenConsole) -> None:
    page = console.page
    page.goto(f"{console.url}#/templates/system_alert")
    page.get_by_label("Sample values (JSON)").fill(
        '{"message": "*not bold* <b>nor this</b> [x](https://example.com)"}'
    )
    for channel in ("telegram", "lark"):
        expect(preview(console, channel)).to_contain_text(
            "*not bold* <b>nor this</b> [x](https://example.com)"
        )
    # Slack has no escape for an asterisk.
    expect(preview(console, "slack")).to_contain_text("<b>nor this</b> [x](https://example.com)")


def test_a_template_that_is_missing_is_told_as_such(console: OpenConsole) -> None:
    console.page.goto(f"{console.url}#/templates/nowhere")
    expect(console.page.get_by_role("alert")).to_contain_text("Template not found")


def test_list_and_editor_have_no_serious_accessibility_problem(
    console: OpenConsole, serious_problems: Any
) -> None:
    page = console.page
    console.open("Templates")
    expect(console.row("grafana-alert-critical")).to_be_visible()
    assert serious_problems(page) == []
    page.goto(f"{console.url}#/templates/grafana-alert")
    expect(preview(console, "slack").locator(".bubble")).to_be_visible()
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious_problems(page) == []


def test_the_pages_of_the_list_follow_each_other(console: OpenConsole) -> None:
    page = console.page
    with page.expect_request(lambda asked: "/api/templates?" in asked.url) as asked:
        page.goto(f"{console.url}#/templates?page=1")
    assert "limit=100&offset=100" in asked.value.url
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Previous").click()
    expect(console.row("grafana-alert").first).to_be_visible()
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    expect(page.get_by_text(re.compile("^1.[0-9]+ of"))).to_be_visible()
