"""Sending from the console."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.open_console import OpenConsole


@pytest.mark.requirement("C-9")
def test_own_text_is_sent_and_each_channels_result_is_shown(console: OpenConsole) -> None:
    page = console.page
    console.configure("send-user")
    console.open("Send")
    page.get_by_label("User").fill("send-user")
    page.get_by_role("checkbox", name="Webhook").check()
    page.get_by_role("checkbox", name="Slack").check()
    page.get_by_label("Subject (optional)").fill("From the console")
    page.get_by_label("Content", exact=True).fill("It works")

    page.get_by_role("button", name="Send", exact=True).click()

    results = page.locator(".result")
    expect(results).to_have_count(2)
    expect(results.filter(has_text="Webhook")).to_contain_text("Sent")
    expect(results.filter(has_text="Slack")).to_contain_text("CHANNEL_NOT_CONFIGURED")
    [arrived] = console.served.arrivals("/hook/send-user")
    assert "It works" in arrived["body"]
    results.filter(has_text="Webhook").get_by_role("link", name="Timeline").click()
    expect(page.locator(".timeline")).to_contain_text("Delivered")


@pytest.mark.requirement("C-9")
def test_only_templates_for_every_chosen_channel_are_offered_with_their_variables(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("template-user")
    console.open("Send")
    page.get_by_label("User").fill("template-user")
    page.get_by_role("checkbox", name="Webhook").check()
    page.get_by_label("Template", exact=True).check(force=True)
    page.get_by_role("combobox", name="Template").select_option("user_notification")
    variables = page.get_by_label("Variables (JSON)")
    assert '"title": "title"' in variables.input_value()
    variables.fill('{"title": "Hello", "message": "From a template"}')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".result")).to_contain_text("Sent")
    [arrived] = console.served.arrivals("/hook/template-user")
    assert "From a template" in arrived["body"]


def test_what_is_missing_is_said_at_its_field_and_nothing_is_sent(console: OpenConsole) -> None:
    page = console.page
    console.open("Send")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Enter a user id.")).to_be_visible()
    expect(page.get_by_text("Choose at least one channel.")).to_be_visible()
    expect(page.get_by_text("Enter the content.")).to_be_visible()
    expect(page.get_by_label("User")).to_be_focused()
    page.get_by_label("Template", exact=True).check(force=True)
    page.get_by_label("Variables (JSON)").fill("[1]")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("This isn't a JSON object.")).to_be_visible()
    assert [url for url in asked if url.endswith("/send")] == []


def test_a_refusal_is_shown_with_its_code(console: OpenConsole) -> None:
    page = console.page
    console.open("Send")
    page.get_by_label("User").fill("nobody-at-all")
    page.get_by_role("checkbox", name="Webhook").check()
    page.get_by_label("Content", exact=True).fill("x")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("USER_NO_CHANNELS")


@pytest.mark.requirement("C-9")
def test_the_raw_exchange_shows_what_went_over_the_wire_without_the_signature(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("raw-user")
    console.open("Send")
    page.get_by_label("User").fill("raw-user")
    page.get_by_role("checkbox", name="Webhook").check()
    page.get_by_label("Content", exact=True).fill("Raw")
    with page.expect_request("**/api/notifications/send") as sending:
        page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".result")).to_be_visible()
    page.get_by_text("Raw exchange", exact=True).click()
    request = page.get_by_role("region", name="Request", exact=True)
    expect(request).to_contain_text("POST /api/notifications/send")
    expect(request).to_contain_text('"user_id": "raw-user"')
    expect(request).to_contain_text("X-Signature: …")
    assert sending.value.headers["x-signature-version"] == "2"
    assert sending.value.headers["x-signature"] not in page.content()
    answer = page.get_by_role("region", name="Answer", exact=True)
    expect(answer).to_contain_text("HTTP 200")
    expect(answer).to_contain_text("x-request-id: ")


def test_an_earlier_exchange_can_be_looked_at_again(console: OpenConsole) -> None:
    page = console.page
    console.open("Send")
    for user in ("first-nobody", "second-nobody"):
        page.get_by_label("User").fill(user)
        page.get_by_role("checkbox", name="Webhook").check()
        page.get_by_label("Content", exact=True).fill("x")
        with page.expect_response("**/api/notifications/send"):
            page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Raw exchange", exact=True).click()
    request = page.get_by_role("region", name="Request", exact=True)
    expect(request).to_contain_text("second-nobody")
    page.get_by_label("Recent requests").get_by_role("button").nth(1).click()
    expect(request).to_contain_text("first-nobody")


def test_sending_works_from_the_keyboard_alone(console: OpenConsole) -> None:
    page = console.page
    console.configure("keys-user")
    console.open("Send")
    page.get_by_label("User").focus()
    page.keyboard.type("keys-user")
    page.get_by_role("checkbox", name="Webhook").focus()
    page.keyboard.press("Space")
    page.get_by_label("Content", exact=True).focus()
    page.keyboard.type("By keyboard")
    page.get_by_label("Idempotency key (optional)").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".result")).to_contain_text("Sent")


def test_the_tab_has_no_serious_accessibility_problem(
    console: OpenConsole, serious_problems: Any
) -> None:
    page = console.page
    console.open("Send")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Enter a user id.")).to_be_visible()
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious_problems(page) == []
