"""Sending from the console."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Route, expect

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
    console.switch_to("Template")
    page.get_by_role("combobox", name="Template").select_option("user_notification")
    fields = page.get_by_role("group", name="Variables").first.get_by_role("textbox")
    expect(fields).to_have_count(4)
    page.get_by_label("title", exact=True).fill("Hello")
    page.get_by_label("message", exact=True).fill("From a template")
    for name in ("action_text", "action_url"):
        page.get_by_label(name, exact=True).fill(f"https://example.com/{name}")
    expect(page.get_by_text("Without a value")).to_have_count(0)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".result")).to_contain_text("Sent")
    expect(page.locator(".result .caution")).to_have_count(0)
    [arrived] = console.served.arrivals("/hook/template-user")
    assert "From a template" in arrived["body"]
    assert "https://example.com/action_url" in arrived["body"]


def test_a_variable_without_a_value_is_named_before_the_send_and_after_it(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("empty-user")
    console.open("Send")
    page.get_by_label("User").fill("empty-user")
    page.get_by_role("checkbox", name="Webhook").check()
    console.switch_to("Template")
    page.get_by_role("combobox", name="Template").select_option("user_notification")
    title = page.get_by_label("title", exact=True)
    title.fill("Hello")
    title.fill("")
    page.get_by_label("message", exact=True).fill("Only this")
    left = page.get_by_text("Without a value: title, action_text, action_url. The text shows")
    expect(left).to_contain_text("as it is written, {{name}}, unless it may be left out.")
    page.get_by_role("button", name="Send", exact=True).click()
    told = page.locator(".result .caution")
    # The form is longer than the window, and the result beside it stays in sight.
    expect(told).to_be_in_viewport()
    expect(told).to_contain_text("Without a value, and so sent as written:")
    expect(told).to_contain_text("{{title}}")
    [arrived] = console.served.arrivals("/hook/empty-user")
    assert "{{title}}" in arrived["body"]


def test_fields_and_json_are_two_views_of_the_same_values(console: OpenConsole) -> None:
    page = console.page
    console.open("Send")
    page.get_by_role("checkbox", name="Webhook").check()
    console.switch_to("Template")
    page.get_by_role("combobox", name="Template").select_option("status_update")
    page.get_by_label("status", exact=True).fill("degraded")
    views = page.get_by_role("group", name="Variables").last
    console.switch_to("JSON", views)
    written = page.get_by_label("Variables (JSON)")
    assert json.loads(written.input_value()) == {"status": "degraded"}
    written.fill('{"status": "up", "affected_features": ["mail", "chat"]}')
    console.switch_to("Form", views)
    expect(page.get_by_label("status", exact=True)).to_have_value("up")
    listed = page.get_by_label("affected_features", exact=True)
    expect(listed).to_have_value('["mail","chat"]')
    expect(listed).not_to_be_editable()
    expect(page.get_by_text("Change it as JSON.")).to_be_visible()
    console.switch_to("JSON", views)
    written.fill('{"status": ')
    expect(views.get_by_label("Form")).to_be_disabled()


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
    console.switch_to("Template")
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


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_template_beyond_the_first_page_can_be_sent(console: OpenConsole, pages: int) -> None:
    page, asked, rows = console.page, list[str](), list[dict[str, object]]()

    def many(route: Route) -> None:
        asked.append(route.request.url.partition("?")[2])
        answer = route.fetch()
        document = answer.json()
        rows.extend(document["data"])
        row = rows[0]
        count = 200 if len(asked) < pages else 1
        names = [f"many-{len(asked)}-{number}" for number in range(count)]
        document["data"] = [{**row, "template_key": name} for name in names]
        document["pagination"]["hasMore"] = len(asked) < pages
        route.fulfill(response=answer, json=document)

    page.route("**/api/templates?*", many)
    console.open("Send")
    console.switch_to("Template")
    choice = page.get_by_label("Template", exact=True).last
    last = f"many-{pages}-0"
    expect(choice.locator(f"option[value='{last}']")).to_have_count(1)
    assert asked == [f"limit=200&offset={200 * number}" for number in range(pages)]
    choice.select_option(last)
    expect(choice).to_have_value(last)


@pytest.mark.parametrize(("listed", "told"), [(199, True), (200, False)])
def test_only_a_user_whom_the_whole_list_lacks_is_called_not_configured(
    console: OpenConsole, listed: int, told: bool
) -> None:
    page = console.page
    console.configure("one-of-many")

    def many(route: Route) -> None:
        answer = route.fetch()
        document = answer.json()
        row = document["data"][0]
        document["data"] = [{**row, "user_id": f"many-{number}"} for number in range(listed)]
        route.fulfill(response=answer, json=document)

    page.route("**/api/user-configs?*", many)
    console.open("Send")
    page.get_by_label("User").fill("many-0")
    expect(page.locator(".tile", has_text="configured").first).to_be_visible()
    page.get_by_label("User").fill("nobody-here")
    hints = page.locator(".tile", has_text="not configured")
    expect(hints).to_have_count(page.locator(".tile").count() if told else 0)
