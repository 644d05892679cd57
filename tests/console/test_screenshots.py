"""Makes the pictures of docs/images: `CONSOLE_SCREENSHOTS=docs/images` writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from notification.channels.registry import CHANNELS
from tests.console.open_console import OpenConsole
from tests.docs.console_pictures import RECORD, sources_sha256
from tests.installation import Installation

FOLDER = os.environ.get("CONSOLE_SCREENSHOTS")
MAX_BYTES = 200_000
SAMPLES = """{
  "alert_type": "Disk",
  "severity": "critical",
  "message": "Disk is 92 % full",
  "action_required": "Free some room on node-1"
}"""
PICTURES = {
    "console-notifications": "#/notifications",
    "console-timeline": "#/notifications/{id}",
    "console-send": "#/send",
    "console-configuration": "#/recipients",
    "console-template": "#/templates/system_alert",
    "console-charts": "#/charts",
    "console-system": "#/system",
}


@pytest.fixture
def filled(page: Page, served: Installation) -> tuple[OpenConsole, int]:
    """A console with some traffic, and the notification whose life is shown."""
    console = OpenConsole(page, served)
    sink = served.sink_url
    for user in ("ada", "grace", "ops-team"):
        console.configure(user)
        console.configure(user, "slack", webhook_url=f"{sink}/hook/slack-{user}")
    console.configure("unreachable", webhook_url=f"{sink}/hook/unreachable?status=404")
    for number in range(6):
        user = ("ada", "grace", "ops-team")[number % 3]
        console.send(user, f"Order A-{100 + number} shipped", ("webhook",))
    console.configure("flaky", webhook_url=f"{sink}/hook/flaky?fail_first=1")
    [shown] = console.send("flaky", "Backup of node-1 finished")
    console.send("unreachable", "Password changed")
    return console, int(shown["logId"])


def run_every_task(console: OpenConsole) -> None:
    page = console.page
    for task in ("data_cleanup", "monitoring", "key_rotation"):
        page.get_by_role("button", name=f"Run now: {task}").click()
        console.toast(f"{task} ran.")
    for table in ("Scheduled tasks", "Latest runs"):
        expect(page.locator(f".table-frame[aria-label='{table}']")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0, timeout=30_000)


def test_every_picture_of_the_docs_can_be_taken_and_stays_small(
    filled: tuple[OpenConsole, int], tmp_path: Path
) -> None:
    console, shown = filled
    page, folder = console.page, Path(FOLDER) if FOLDER else tmp_path
    page.set_viewport_size({"width": 1280, "height": 800})
    console.sign_in()
    folder.mkdir(exist_ok=True)
    for name, place in PICTURES.items():
        page.goto(f"{console.url}{place.format(id=shown)}")
        expect(page.get_by_role("heading").first).to_be_visible()
        if "timeline" in name:
            expect(page.locator(".timeline")).to_contain_text("Delivered", timeout=60_000)
            expect(console.row("Backup of node-1")).to_contain_text("Sent")
        if "template" in name:
            expect(page.locator(".preview .bubble")).to_have_count(len(CHANNELS))
            samples = page.get_by_label("Sample values (JSON)")
            samples.fill(SAMPLES)
            expect(page.locator(".preview .bubble").last).to_contain_text("Disk is 92 % full")
            page.locator(".previews").scroll_into_view_if_needed()
        if "configuration" in name:
            console.row("ops-team").filter(has_text="Slack").get_by_role(
                "button", name="Edit"
            ).click()
            page.get_by_role("form").get_by_text("More settings").click()
        if "charts" in name:
            expect(page.locator(".chart .plot canvas").first).to_be_visible()
        if "system" in name:
            expect(page.locator(".card .facts").nth(1)).to_be_visible()
            run_every_task(console)
        if "send" in name:
            page.get_by_label("User").fill("ada")
            page.get_by_role("checkbox", name="Webhook").check()
            page.get_by_label("Content", exact=True).fill("Your parcel is on its way.")
            page.get_by_role("button", name="Send", exact=True).click()
            expect(page.locator(".result")).to_be_visible()
            expect(page.locator(".toast")).to_have_count(0, timeout=30_000)
        expect(page.locator(".waiting")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        path = folder / f"{name}.png"
        page.screenshot(path=path, animations="disabled")
        assert path.stat().st_size < MAX_BYTES, path
    if FOLDER:
        # A test in every run compares it: pictures of earlier sources are red.
        RECORD.write_text(f"{sources_sha256()}\n", encoding="ascii")


def test_the_document_shows_every_picture_that_is_taken() -> None:
    text = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
    images = Path(__file__).parents[2] / "docs" / "images"
    for name in PICTURES:
        assert f"images/{name}.png" in text
        assert (images / f"{name}.png").is_file()
