"""The list of notifications and the life of one of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.open_console import OpenConsole


@pytest.mark.requirement("C-9")
def test_a_new_notification_appears_without_reloading_within_two_seconds(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("live-user")
    page.clock.install()
    page.goto("about:blank")
    console.sign_in()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.clock.pause_at(page.evaluate("Date.now()") / 1_000 + 1)

    console.send("live-user", "Appears by itself")
    page.clock.run_for(2_000)

    row = console.row("Appears by itself")
    expect(row).to_have_count(1)
    expect(row).to_have_class("fresh")
    page.clock.run_for(2_000)
    expect(row).to_contain_text("Sent")


def test_a_waiting_row_shows_its_retry_and_its_end_by_itself(console: OpenConsole) -> None:
    hook = f"{console.served.sink_url}/hook/flaky-user?fail_first=1"
    console.configure("flaky-user", webhook_url=hook)
    console.send("flaky-user", "Comes at the second attempt")
    expect(console.row("Comes at the second attempt")).to_contain_text("Retry scheduled")
    expect(console.row("Comes at the second attempt")).to_contain_text("Sent", timeout=60_000)


def test_an_open_page_that_is_hidden_asks_nothing(console: OpenConsole) -> None:
    page = console.page
    expect(page.locator(".live")).to_have_text("Live")
    page.clock.install()
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    expect(page.locator(".live")).to_have_text("Paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(20_000)
    assert [url for url in asked if "/changes" in url] == []


def test_a_page_that_nobody_touches_asks_rarely_until_somebody_does(console: OpenConsole) -> None:
    page = console.page
    page.clock.install()
    page.goto("about:blank")
    console.sign_in()
    expect(page.locator(".live")).to_have_text("Live")
    slow = page.get_by_text("Live, every 30 s")
    for _ in range(3):
        # A poll that was under way still ends as one of a page in use.
        page.clock.fast_forward("16:00")
        page.clock.run_for(31_000)
        if slow.is_visible():
            break
    expect(slow).to_be_visible()
    page.mouse.move(200, 300)
    page.clock.run_for(2_000)
    expect(page.locator(".live")).to_have_text("Live")


def test_a_service_that_stops_answering_is_told_and_so_is_its_return(
    console: OpenConsole,
) -> None:
    page = console.page
    page.route("**/changes*", lambda route: route.abort())
    expect(page.locator(".live")).to_have_text("Not live: the service doesn't answer")
    page.unroute("**/changes*")
    expect(page.locator(".live")).to_have_text("Live", timeout=30_000)


def test_search_and_filters_narrow_the_list_and_stay_in_the_address(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("filter-a")
    console.configure("filter-b")
    [first] = console.send("filter-a", "of A")
    console.send("filter-b", "of B")

    search = page.get_by_role("searchbox")
    search.fill("filter-a")
    search.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(console.row("of A")).to_be_visible()
    assert "search=filter-a" in page.url

    page.get_by_label("Status").select_option("Failed")
    expect(page.get_by_text("No notification matches these filters.")).to_be_visible()

    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("searchbox").fill(first["messageId"])
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(console.row("of A")).to_be_visible()


def test_pages_lead_to_older_notifications_and_back(console: OpenConsole) -> None:
    page = console.page
    console.configure("paged-user")
    for number in range(27):
        console.send("paged-user", f"Number {number:02}")
    page.goto(f"{console.url}#/notifications?search=paged-user")
    expect(console.row("Number 26")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(25)
    expect(page.get_by_text(re.compile("1.25 of 27"))).to_be_visible()

    page.get_by_role("button", name="Older").click()

    expect(console.row("Number 00")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("button", name="Older")).to_be_disabled()
    page.get_by_role("button", name="Newer").click()
    expect(console.row("Number 26")).to_be_visible()


def test_a_refused_filter_shows_the_services_reason_and_the_request(console: OpenConsole) -> None:
    page = console.page
    page.goto(f"{console.url}#/notifications?channel=pigeon")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Invalid channel: pigeon")
    expect(problem).to_contain_text("INVALID_CHANNEL_TYPE")
    expect(problem).to_contain_text(re.compile("request [0-9a-f-]{36}"))
    expect(problem.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.requirement("C-9", "C-0.6")
def test_a_notifications_life_is_told_from_acceptance_to_delivery(console: OpenConsole) -> None:
    page = console.page
    console.configure("life-user")
    [sent] = console.send("life-user", "A whole life")
    page.goto(f"{console.url}#/notifications/{sent['logId']}")
    steps = page.locator(".timeline > li")
    expect(steps).to_have_count(3)
    expect(steps.nth(0)).to_contain_text("Accepted")
    expect(steps.nth(1)).to_contain_text("Attempt 1: delivered")
    expect(steps.nth(1)).to_contain_text("HTTP 200")
    expect(steps.nth(2)).to_contain_text("Delivered")
    expect(page.locator(".bubble")).to_contain_text("A whole life")
    expect(page.get_by_text(sent["messageId"])).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".life")).to_have_count(0)


def test_a_click_anywhere_on_a_row_opens_its_life(console: OpenConsole) -> None:
    page = console.page
    console.configure("row-user")
    [sent] = console.send("row-user", "Anywhere")
    console.open("Notifications")
    console.row("Anywhere").locator(".subject").click()
    expect(page.locator(".life")).to_contain_text("Anywhere")
    expect(page).to_have_url(re.compile(rf"#/notifications/{sent['logId']}$"))


@pytest.mark.requirement("C-9", "C-0.7")
def test_a_failed_notification_is_sent_again_once_its_cause_is_mended(
    console: OpenConsole,
) -> None:
    page = console.page
    console.configure("mended-user", webhook_url=f"{console.served.sink_url}/hook/lost?status=404")
    [failed] = console.send("mended-user", "Sent again")
    assert failed["status"] == "failed"
    page.goto(f"{console.url}#/notifications/{failed['logId']}")
    expect(page.locator(".timeline")).to_contain_text("Attempt 1: refused")
    expect(page.locator(".timeline")).to_contain_text("HTTP 404")
    console.configure("mended-user")

    page.get_by_role("button", name="Send again").click()

    console.toast("Queued for another attempt.")
    expect(page.locator(".timeline")).to_contain_text("Delivered", timeout=60_000)
    expect(page.locator(".life")).to_contain_text("Sent again by an operator 1 times.")
    assert console.served.arrivals("/hook/mended-user")


def test_discarding_and_deleting_ask_first(console: OpenConsole) -> None:
    page = console.page
    console.configure("gone-user", webhook_url=f"{console.served.sink_url}/hook/lost?status=404")
    [failed] = console.send("gone-user", "To be discarded")
    page.goto(f"{console.url}#/notifications/{failed['logId']}")

    page.get_by_role("button", name="Discard").click()
    console.answer_dialog("Cancel")
    expect(page.locator(".life .badge").first).to_have_text("Failed")
    page.get_by_role("button", name="Discard").click()
    console.answer_dialog("Discard")
    expect(page.locator(".life .badge").first).to_have_text("Cancelled")

    page.get_by_role("button", name="Delete", exact=True).click()
    console.answer_dialog("Delete")
    console.toast("Deleted.")
    expect(page.locator(".life")).to_have_count(0)
    page.goto(f"{console.url}#/notifications?search=gone-user")
    expect(page.get_by_text("No notification matches these filters.")).to_be_visible()


def test_a_notification_that_is_gone_is_told_as_such(console: OpenConsole) -> None:
    console.page.goto(f"{console.url}#/notifications/12345")
    expect(console.page.get_by_role("alert")).to_contain_text("Log not found")


def test_text_that_looks_like_markup_is_shown_and_never_run(console: OpenConsole) -> None:
    page = console.page
    hostile = "<img src=x><style>body { display: none }</style><h1>Taken over</h1>"
    console.configure("hostile-user")
    [sent] = console.send("hostile-user", hostile)
    page.goto(f"{console.url}#/notifications/{sent['logId']}?search=hostile-user")
    expect(page.locator(".bubble")).to_contain_text("<img src=x")
    expect(console.row("<img src=x")).to_be_visible()
    assert page.locator("img, .shell style").count() == 0
    expect(page.get_by_role("heading", name="Taken over")).to_have_count(0)


def test_the_list_and_a_life_have_no_serious_accessibility_problem(
    console: OpenConsole, serious_problems: Any
) -> None:
    page = console.page
    console.configure("axe-user")
    [sent] = console.send("axe-user", "For axe")
    page.goto(f"{console.url}#/notifications/{sent['logId']}")
    expect(page.locator(".timeline")).to_be_visible()
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert serious_problems(page) == []
