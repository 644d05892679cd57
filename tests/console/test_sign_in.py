"""Who gets into the console, and what it keeps of the key."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.open_console import OpenConsole
from tests.installation import Installation


@pytest.mark.requirement("C-0.19")
def test_the_former_address_leads_to_the_console(page: Page, served: Installation) -> None:
    page.goto(f"{served.edge_url}/test-ui")
    assert page.url == f"{served.edge_url}/console/"
    expect(page.get_by_role("heading", name="Notification console")).to_be_visible()
    expect(page.get_by_text("development")).to_be_visible()


@pytest.mark.requirement("C-9")
def test_the_key_opens_the_console_and_reloading_forgets_it(console: OpenConsole) -> None:
    page, key = console.page, console.served.outputs()["api_secret_key"]
    expect(page.get_by_role("heading", name="Notifications", level=1)).to_be_visible()
    kept = page.evaluate(
        "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage),"
        " document.cookie, document.documentElement.outerHTML, location.href])"
    )
    assert key not in kept
    assert page.evaluate("indexedDB.databases().then((found) => found.length)") == 0

    page.reload()

    expect(page.get_by_label("API secret key")).to_have_value("")


def test_a_wrong_key_is_refused_and_the_field_says_why(page: Page, served: Installation) -> None:
    console = OpenConsole(page, served)
    console.sign_in("not-the-key")
    field = page.get_by_label("API secret key")
    expect(page.get_by_role("alert")).to_have_text("This isn't the service's API_SECRET_KEY.")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")

    console.sign_in("")

    expect(page.get_by_role("alert")).to_have_text("Enter the service's API_SECRET_KEY.")


def test_a_service_that_cannot_be_reached_is_told_as_such(page: Page, served: Installation) -> None:
    console = OpenConsole(page, served)
    page.route("**/health", lambda route: route.abort())
    page.route("**/api/**", lambda route: route.abort())
    console.sign_in("some-key")
    expect(page.get_by_role("alert")).to_have_text(
        "The service can't be reached. Check that it runs."
    )
    expect(page.get_by_text("Unreachable")).to_be_visible()


def test_a_page_in_the_services_place_is_no_answer(page: Page, served: Installation) -> None:
    console = OpenConsole(page, served)
    page.route("**/api/**", lambda route: route.fulfill(body="<html>Sign in</html>"))
    console.sign_in("some-key")
    expect(page.get_by_role("alert")).to_contain_text("The answer isn't the service's.")


def test_an_address_that_was_cut_inside_an_escape_opens_the_console(
    page: Page, served: Installation
) -> None:
    page.goto(f"{served.edge_url}/console/#/notifications/%E0%A4")
    expect(page.get_by_label("API secret key")).to_be_visible()


def test_a_browser_whose_clock_is_wrong_signs_by_the_services_clock(
    page: Page, served: Installation
) -> None:
    page.clock.set_fixed_time("2020-01-01T00:00:00Z")
    OpenConsole(page, served).sign_in()


def test_an_address_where_the_browser_cannot_sign_is_told_as_such(
    page: Page, served: Installation
) -> None:
    page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    OpenConsole(page, served).sign_in("some-key")
    expect(page.get_by_role("alert")).to_contain_text("Open the console over HTTPS.")


def test_signing_out_forgets_the_key_and_the_exchanges(console: OpenConsole) -> None:
    console.page.get_by_role("button", name="Sign out").click()
    expect(console.page.get_by_label("API secret key")).to_have_value("")
    expect(console.page.get_by_text("Raw exchange")).to_have_count(0)


@pytest.mark.requirement("C-9")
def test_nothing_comes_from_another_origin_and_the_policy_forbids_it(
    page: Page, served: Installation
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    OpenConsole(page, served).sign_in()
    assert {url.split("/", 3)[2] for url in asked} == {served.edge_url.split("//")[1]}
    policy = page.evaluate(
        "fetch('/console/').then((answer) => answer.headers.get('content-security-policy'))"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_language_and_theme_are_chosen_and_remembered(page: Page, served: Installation) -> None:
    console = OpenConsole(page, served)
    console.sign_in()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="通知", level=1)).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.get_by_label("主题外观").select_option("深色")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"

    page.reload()

    expect(page.get_by_role("button", name="打开控制台")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_the_sign_in_page_has_no_serious_accessibility_problem(
    page: Page, served: Installation, serious_problems: Any
) -> None:
    page.goto(f"{served.edge_url}/console/")
    expect(page.get_by_text("Healthy")).to_be_visible()
    assert serious_problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious_problems(page) == []
