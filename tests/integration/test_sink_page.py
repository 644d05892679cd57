"""The sink's page in a real browser."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)

pytestmark = [
    pytest.mark.workerd,
    pytest.mark.skipif(
        BROWSER is None, reason="no Chromium on this machine; scripts/install-browser installs it"
    ),
]


def rendered(url: str, profile: Path) -> str:
    """Return the document after the page's own script has run."""
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_a_person_sees_the_first_notification_on_the_page(
    installation: Installation, tmp_path: Path
) -> None:
    page = rendered(f"{installation.sink_url}/", tmp_path)

    assert "/hook/first-notification" in page
    assert "This notification went through the service that was just deployed." in page


def test_what_arrives_is_shown_as_text_and_never_run(
    installation: Installation, tmp_path: Path
) -> None:
    hostile = "<script>document.title='taken over'</script><img src=x onerror=alert(1)>"
    httpx.post(f"{installation.sink_url}/hook/hostile", content=hostile, trust_env=False)

    page = rendered(f"{installation.sink_url}/", tmp_path)

    assert "&lt;script&gt;document.title='taken over'&lt;/script&gt;" in page
    assert "<title>taken over" not in page
    assert "<img src=x" not in page
    [policy] = [
        value
        for name, value in httpx.get(
            f"{installation.sink_url}/", trust_env=False
        ).headers.multi_items()
        if name == "content-security-policy"
    ]
    assert "'unsafe-inline'" not in policy
