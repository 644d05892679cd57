from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.console.open_console import OpenConsole
from tests.installation import Installation

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder: they need the edge runtime and a browser."""
    missing = pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine; scripts/install-browser installs it"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.workerd)
            item.add_marker(missing)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One deployed installation for all tests of the console; each test uses users of its own."""
    with Installation.deployed(tmp_path_factory.mktemp("served")) as built:
        yield built


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file: Playwright's event loop would be in other tests' way."""
    assert CHROMIUM is not None
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # Tests may run as root, where Chromium has no sandbox.
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


@contextmanager
def opened_page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own; whatever it complains of fails the test."""
    # Without motion: a pulsing dot is drawn sixty times a second, by the processor.
    context = browser.new_context(
        viewport={"width": 1360, "height": 860}, locale="en-GB", reduced_motion="reduce"
    )
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            # Chromium writes a line for every answer from 400 on: the page shows those itself.
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own."""
    with opened_page(browser) as opened:
        yield opened


@pytest.fixture
def console(page: Page, served: Installation) -> OpenConsole:
    """The console, signed in."""
    opened = OpenConsole(page, served)
    opened.sign_in()
    return opened


@pytest.fixture(scope="session")
def axe_source() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def serious_problems(axe_source: str) -> Any:
    """A function that asks axe-core for what it calls serious or critical on a page."""

    def found(page: Page) -> list[str]:
        # Past the page's own policy, which stops scripts from elsewhere.
        page.evaluate(axe_source)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    return found
