"""Users and their channels."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, expect

from tests.console.open_console import OpenConsole


def new_configuration(console: OpenConsole) -> Locator:
    """Open the form of a new configuration."""
    console.open("Users")
    console.page.get_by_role("button", name="New configuration").click()
    return console.page.get_by_role("form", name="New configuration")


def stored(console: OpenConsole, user: str) -> dict[str, Any]:
    """Return what the service says of a user's one configuration."""
    with console.served.service() as service:
        answer = service.result("GET", "/api/user-configs", query={"user_id": user})
    [row] = answer["data"]
    found: dict[str, Any] = row["config_data"]
    return found


@pytest.mark.requirement("C-9", "C-0.12")
def test_a_configuration_is_made_changed_and_deleted_and_its_secret_is_never_shown(
    console: OpenConsole,
) -> None:
    page, user = console.page, "recipient-new"
    form = new_configuration(console)
    form.get_by_label("User", exact=True).fill(user)
    hook = f"{console.served.sink_url}/hook/{user}"
    form.get_by_label("Webhook URL").fill(hook)
    secret = form.locator("[name=field-secret]")
    assert secret.get_attribute("type") == "password"
    secret.fill("a-long-shared-secret")
    form.get_by_role("button", name="Save").click()
    console.toast("Saved.")
    row = console.row(user)
    expect(row).to_contain_text(hook)
    assert "a-long-shared-secret" not in page.content()

    row.get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name="Edit configuration")
    assert form.locator("[name=field-secret]").get_attribute("type") == "password"
    form.get_by_label("Webhook URL").fill(f"{hook}-2")
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text(f"{hook}-2")
    console.send(user, "Still signed")
    [arrived] = console.served.arrivals(f"/hook/{user}-2")
    assert "x-notification-signature" in {name.lower() for name in arrived["headers"]}

    row.get_by_role("switch").uncheck()
    expect(row.get_by_role("switch")).not_to_be_checked()
    row.get_by_role("button", name="Delete").click()
    console.answer_dialog("Cancel")
    expect(row).to_have_count(1)
    row.get_by_role("button", name="Delete").click()
    console.answer_dialog("Delete")
    expect(row).to_have_count(0)


@pytest.mark.requirement("C-9")
def test_the_form_has_the_fields_of_the_channel_and_json_shows_the_same(
    console: OpenConsole,
) -> None:
    user = "recipient-form"
    form = new_configuration(console)
    form.get_by_label("User", exact=True).fill(user)
    form.get_by_label("Channel", exact=True).select_option("ntfy")
    form.get_by_label("Topic topic").fill("alerts")
    form.get_by_text("More settings").click()
    form.get_by_label("Priority").fill("4")
    form.get_by_label("Tags").fill("bell\nwarning")
    form.get_by_label("Long texts in parts").select_option("yes")
    form.get_by_label("A minute").fill("30")
    form.get_by_label("Server").fill(console.served.sink_url)
    form.get_by_text("JSON").click()
    shown = json.loads(form.get_by_label("Configuration (JSON)").input_value())
    expected = {
        "topic": "alerts",
        "priority": 4,
        "tags": ["bell", "warning"],
        "split_long": True,
        "rate": {"per_minute": 30},
        "server": console.served.sink_url,
    }
    assert shown == expected
    shown["of_our_own"] = {"kept": [1]}
    form.get_by_label("Configuration (JSON)").fill(json.dumps(shown))
    form.get_by_text("Form", exact=True).click()
    form.get_by_label("Priority").fill("5")
    form.get_by_role("button", name="Save").click()
    console.toast("Saved.")
    assert stored(console, user) == expected | {"priority": 5, "of_our_own": {"kept": [1]}}


def test_what_was_not_touched_keeps_its_form_and_an_emptied_field_goes(
    console: OpenConsole,
) -> None:
    user = "recipient-untouched"
    # Quiet hours that aren't now, whenever this runs: what is sent in them waits.
    later = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(hours=10)
    config: dict[str, Any] = {
        "webhook_url": f"{console.served.sink_url}/hook/{user}",
        "headers": {"X-Team": "ops"},
        "method": "PUT",
        "quiet_hours": {
            "from": f"{later:%H}:00",
            "to": f"{later:%H}:30",
            "time_zone": "Europe/Berlin",
        },
        "signing_secret": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="],
        "signing": "standard-webhooks",
    }
    console.configure(user, **config)
    before = stored(console, user)
    console.open("Users")
    console.row(user).get_by_role("button", name="Edit").click()
    form = console.page.get_by_role("form", name="Edit configuration")
    form.get_by_label("Method").select_option("")
    form.get_by_role("button", name="Save").click()
    console.toast("Saved.")
    del before["method"]
    assert stored(console, user) == before
    console.send(user, "Still signed")
    [arrived] = console.served.arrivals(f"/hook/{user}")
    assert "webhook-signature" in {name.lower() for name in arrived["headers"]}


def test_a_mistake_is_said_at_its_field(console: OpenConsole) -> None:
    page = console.page
    form = new_configuration(console)
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_text("Enter a user id.")).to_be_visible()
    url = form.get_by_label("Webhook URL")
    expect(url).to_have_accessible_description("This is needed.")
    form.get_by_label("User", exact=True).fill("recipient-refused")
    form.get_by_text("More settings").click()
    url.fill("https://example.com/hook")
    form.get_by_label("Time limit").fill("ten")
    form.get_by_label("Headers").fill("no colon")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Time limit")).to_have_accessible_description("Enter a whole number.")
    expect(form.locator("#field-headers-error")).to_be_visible()
    form.get_by_label("Time limit").fill("1000")
    form.get_by_label("Headers").fill("")
    url.fill("ftp://example.com")
    form.get_by_role("button", name="Save").click()
    expect(url).to_have_accessible_description(re.compile("webhook_url"))
    expect(url).to_be_focused()

    form.get_by_text("JSON").click()
    form.get_by_label("Configuration (JSON)").fill("nonsense")
    form.get_by_text("Form", exact=True).click()
    expect(form.get_by_text("This isn't a JSON object.")).to_be_visible()
    expect(form.get_by_label("Configuration (JSON)")).to_have_value("nonsense")
    form.get_by_label("Configuration (JSON)").fill('{"webhook_url": "ftp://example.com"}')
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("webhook_url")
    assert "recipient-refused" not in page.locator("table").all_inner_texts()


def test_a_configuration_is_made_by_the_keyboard_alone(console: OpenConsole) -> None:
    page, user = console.page, "recipient-keyboard"
    console.open("Users")
    opener = page.get_by_role("button", name="New configuration")
    heading = page.get_by_role("heading", name="New configuration")
    opener.focus()
    page.keyboard.press("Enter")
    expect(heading).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    # Who types faster than the pane opens types into nothing.
    expect(heading).to_be_focused()
    for typed in ("", user, "Microsoft"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    expect(page.get_by_role("textbox", name="webhook_url")).to_have_attribute(
        "placeholder", re.compile("workflows|logic")
    )
    for typed in ("", f"{console.served.sink_url}/workflows/{user}"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    console.toast("Saved.")
    expect(console.row(user)).to_contain_text("Microsoft Teams")
    expect(opener).to_be_focused()


def test_the_form_speaks_chinese(console: OpenConsole) -> None:
    page = console.page
    page.get_by_role("button", name="中文").click()
    page.goto(f"{console.url}#/recipients")
    page.get_by_role("button", name="新建配置").click()
    page.get_by_text("更多设置").click()
    labels = page.locator("form.life :is(label, legend)").all_inner_texts()
    english = [text for text in labels if re.match(r"^[A-Z][a-z]+ [a-z]", text)]
    assert english == []


@pytest.mark.requirement("C-9", "C-0.22")
def test_one_user_is_found_exported_and_erased(console: OpenConsole) -> None:
    page, user = console.page, "recipient-erased"
    console.configure(user)
    console.configure("recipient-kept")
    console.send(user, "Soon gone")
    console.open("Users")
    page.get_by_role("searchbox").fill(user)
    page.get_by_role("searchbox").press("Enter")
    expect(console.row(user)).to_have_count(1)
    expect(console.row("recipient-kept")).to_have_count(0)

    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export all data").click()
    assert "Soon gone" in downloading.value.path().read_text()

    page.get_by_role("button", name="Erase …").click()
    console.answer_dialog("Erase")
    console.toast("Erased.")
    expect(page.get_by_text("No configuration here yet.")).to_be_visible()
    left = console.served.sql("SELECT user_id FROM notification_logs")
    assert {"user_id": user} not in left


def test_the_tab_has_no_serious_accessibility_problem(
    console: OpenConsole, serious_problems: Any
) -> None:
    page = console.page
    console.configure("recipient-axe")
    console.open("Users")
    page.get_by_role("button", name="New configuration").click()
    page.get_by_text("More settings").click()
    expect(console.row("recipient-axe")).to_be_visible()
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious_problems(page) == []


def test_pages_lead_to_every_configuration(console: OpenConsole) -> None:
    page = console.page
    users = [f"paged-{number:03}" for number in range(101)]
    for user in users:
        console.configure(user)
    with console.served.service() as service:
        everybody = service.result("GET", "/api/user-configs", query={"limit": "1000"})["data"]
        try:
            console.open("Users")
            seen = page.locator("tbody tr")
            expect(seen).to_have_count(100)
            expect(page.get_by_text(re.compile(f"1.100 of {len(everybody)}"))).to_be_visible()
            first = page.locator("tbody td.user").all_inner_texts()
            page.get_by_role("button", name="Next").click()
            expect(
                page.get_by_text(re.compile(f"101.{len(everybody)} of {len(everybody)}"))
            ).to_be_visible()
            expect(page.get_by_role("button", name="Next")).to_be_disabled()
            expect(seen).to_have_count(len(everybody) - 100)
            second = page.locator("tbody td.user").all_inner_texts()
            assert sorted(first + second) == sorted(row["user_id"] for row in everybody)
            page.get_by_role("button", name="Previous").click()
            expect(seen).to_have_count(100)
        finally:
            for user in users:
                query = {"user_id": user, "channel_type": "webhook"}
                assert service.call("DELETE", "/api/user-configs", query=query).status_code == 200
