"""The console on a phone, 375 pixels wide."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.console.open_console import OpenConsole

TABS = ("notifications", "send", "recipients", "templates", "queues", "charts", "system", "grafana")


@pytest.fixture
def phone(console: OpenConsole) -> OpenConsole:
    """The console with something in every table, on a narrow screen."""
    refused = f"{console.served.sink_url}/hook/phone-user?status=404"
    console.configure("phone-user", webhook_url=refused)
    console.send("phone-user", "Seen on a phone")
    console.page.set_viewport_size({"width": 375, "height": 812})
    return console


@pytest.mark.requirement("C-9")
@pytest.mark.parametrize("place", [*TABS, "templates/system_alert", "templates/new"])
def test_no_page_is_wider_than_the_screen(phone: OpenConsole, place: str) -> None:
    page = phone.page
    page.goto(f"{phone.url}#/{place}")
    expect(page.locator("main h1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    frames = page.locator(".table-frame:has(> .stack)").all()
    for frame in frames:
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")


def test_a_row_shows_its_status_without_scrolling_and_the_tab_strip_its_tab(
    phone: OpenConsole,
) -> None:
    page = phone.page
    row = phone.row("Seen on a phone").first
    expect(row.get_by_text("Failed")).to_be_in_viewport()
    expect(row.get_by_text("HTTP_ERROR")).to_be_in_viewport()
    page.goto(f"{phone.url}#/grafana")
    expect(page.locator(".tabs [aria-current=page]")).to_be_in_viewport(ratio=0.99)


def test_what_is_edited_stands_above_its_list_and_escape_closes_it(phone: OpenConsole) -> None:
    page = phone.page
    page.goto(f"{phone.url}#/recipients")
    phone.row("phone-user").first.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("heading", name="Edit configuration")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Edit configuration")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("form", name="Edit configuration")).to_have_count(0)
