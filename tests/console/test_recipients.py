"""Users and their channels."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.open_console import OpenConsole


@pytest.mark.requirement("C-9", "C-0.12")
def test_a_configuration_is_made_changed_and_deleted_and_its_secret_is_never_shown(
    console: OpenConsole,
) -> None:
    page, user = console.page, "recipient-new"
    console.open("Users")
    page.get_by_role("button", name="New configuration").click()
    form = page.get_by_role("form", name="New configuration")
    form.get_by_label("User").fill(user)
    hook = f"{console.served.sink_url}/hook/{user}"
    form.get_by_label("Configuration (JSON)").fill(
        f'{{"webhook_url": "{hook}", "secret": "a-long-shared-secret"}}'
    )
    form.get_by_role("button", name="Save").click()
    console.toast("Saved.")
    row = console.row(user)
    expect(row).to_contain_text(hook)
    assert "a-long-shared-secret" not in page.content()

    row.get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name="Edit configuration")
    shown = form.get_by_label("Configuration (JSON)").input_value()
    form.get_by_label("Configuration (JSON)").fill(shown.replace(f"/{user}", f"/{user}-2"))
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


def test_what_the_service_refuses_is_said_in_the_form(console: OpenConsole) -> None:
    page = console.page
    console.open("Users")
    page.get_by_role("button", name="New configuration").click()
    form = page.get_by_role("form", name="New configuration")
    form.get_by_label("Configuration (JSON)").fill("nonsense")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_text("Enter a user id.")).to_be_visible()
    expect(form.get_by_text("This isn't a JSON object.")).to_be_visible()
    form.get_by_label("User").fill("recipient-refused")
    form.get_by_label("Configuration (JSON)").fill('{"webhook_url": "ftp://example.com"}')
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("webhook_url")


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
    expect(console.row("recipient-axe")).to_be_visible()
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious_problems(page) == []
