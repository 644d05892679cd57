"""How soon the console can be used, how soon it shows what is new, and what that costs."""

from __future__ import annotations

import gzip
import shutil
import time

from playwright.sync_api import Page, sync_playwright

from bench.figures import Figures
from ops.build.console_sources import console_sources
from tests.installation import ROOT, Installation

ROUNDS = 5
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def measure_console(figures: Figures, installation: Installation) -> None:
    """Report weight, first view, sign-in and the delay of a new notification, in real Chromium."""
    files = [path.read_bytes() for path in console_sources(ROOT).rglob("*") if path.is_file()]
    weight = sum(len(gzip.compress(content)) for content in files)
    figures.add("console, gzip", weight / 1000, "kB", "all of its files; goal: at most 120")
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        figures.add("console, first view", 0, "s", "not measured: there is no Chromium here")
        return
    user = "bench-console"
    with installation.service() as service:
        config = {"webhook_url": f"{installation.sink_url}/hook/{user}"}
        body = {"user_id": user, "channel_type": "webhook", "config_data": config}
        service.call("POST", "/api/user-configs", body=body)
    views, lists, delays = [], [], []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        for number in range(ROUNDS):
            page = started.new_context().new_page()
            views.append(_view(page, installation))
            lists.append(_list(page, installation))
            delays.append(_delay(page, installation, user, f"bench {number}"))
            page.close()
        started.close()
    note = "nothing cached"
    figures.rounds("console, first view", views, "s", f"{note}; goal: at most 1")
    figures.rounds("console, key to first list", lists, "s", note)
    figures.rounds("console, new notification", delays, "s", "goal: at most 2")


def _view(page: Page, installation: Installation) -> float:
    """Seconds from asking for the page until its field takes the key."""
    started = time.perf_counter()
    page.goto(f"{installation.edge_url}/console/", wait_until="commit")
    page.get_by_label("API secret key").wait_for()
    return time.perf_counter() - started


def _list(page: Page, installation: Installation) -> float:
    """Seconds from pressing the button until the list is there."""
    page.get_by_label("API secret key").fill(installation.outputs()["api_secret_key"])
    started = time.perf_counter()
    page.get_by_role("button", name="Open the console").click()
    page.locator("tbody tr").first.wait_for()
    return time.perf_counter() - started


def _delay(page: Page, installation: Installation, user: str, subject: str) -> float:
    """Seconds from the answer to a send until its row is on screen."""
    with installation.service() as service:
        body = {
            "user_id": user,
            "channels": ["webhook"],
            "custom_content": {"content": subject, "subject": subject},
        }
        service.call("POST", "/api/notifications/send", body=body)
    started = time.perf_counter()
    page.locator("tbody tr").filter(has_text=subject).wait_for()
    return time.perf_counter() - started
