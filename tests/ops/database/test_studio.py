"""The studio shows a snapshot, says how old it is, and lets one browser in."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ops.database.studio import Snapshot, Studio
from ops.stacks.errors import OperationError

TAKEN_AT = datetime(2026, 11, 29, 5, 0, tzinfo=UTC)
SQL = b"""
CREATE TABLE user_configs (user_id TEXT PRIMARY KEY, note TEXT);
INSERT INTO user_configs VALUES ('ada', '<script>alert(1)</script>'), ('bob', 'plain');
"""
PAGES = ("/", "/local", "/local/user_configs", "/local/user_configs.json", "/local.db")


class Browser:
    """Opens a studio's pages and keeps its cookies."""

    def __init__(self, studio: Studio) -> None:
        self._loop = asyncio.Runner()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=studio.application),
            base_url="http://127.0.0.1",
            follow_redirects=True,
        )
        self.cookies = self._client.cookies

    def get(self, path: str) -> httpx.Response:
        return self._loop.run(self._client.get(path))

    def close(self) -> None:
        self._loop.run(self._client.aclose())
        self._loop.close()


def snapshot(folder: Path, sql: bytes = SQL) -> Snapshot:
    path = folder / "snapshot.sql"
    path.write_bytes(sql)
    return Snapshot("local", TAKEN_AT, path)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(snapshot(tmp_path))


@pytest.fixture
def browser(studio: Studio) -> Iterator[Browser]:
    found = Browser(studio)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=2), "2 minutes"),
        (timedelta(seconds=119), "119 seconds"),
        (timedelta(minutes=119, seconds=59), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=2, minutes=30), "2 hours"),
        (timedelta(days=1, hours=23, minutes=59, seconds=59), "47 hours"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_a_snapshot_says_how_old_it_is(age: timedelta, told: str) -> None:
    described = Snapshot("local", TAKEN_AT, Path()).described(TAKEN_AT + age)
    assert described == f"snapshot of 'local', taken 2026-11-29 05:00 UTC, {told} old"


def test_several_databases_stand_beside_each_other_under_their_names(tmp_path: Path) -> None:
    snapshots = []
    for number, name in enumerate(("first", "first_shard_1")):
        path = tmp_path / f"{name}.sql"
        path.write_bytes(SQL.replace(b"ada", b"ada-%d" % number))
        taken_at = TAKEN_AT + timedelta(minutes=number)
        snapshots.append(Snapshot("production", taken_at, path, name))
    several = Studio(*reversed(snapshots))
    with closing(Browser(several)) as browser:
        front = browser.get(several.path).text
        assert "taken 2026-11-29 05:00 UTC" in front
        assert "2 databases, the oldest one a snapshot of" in front
        for number, name in enumerate(("first", "first_shard_1")):
            rows = browser.get(f"/{name}/user_configs.json?_shape=array").json()
            assert [row["user_id"] for row in rows] == [f"ada-{number}", "bob"]


def test_nobody_gets_in_without_the_address(browser: Browser) -> None:
    for page in PAGES:
        assert browser.get(page).status_code == 403, page
    assert browser.get("/-/auth-token?token=guessed").status_code == 403
    assert browser.get("/local/user_configs").status_code == 403


def test_the_address_lets_one_browser_in_once(studio: Studio, browser: Browser) -> None:
    assert browser.get(studio.path).status_code == 200
    page = browser.get("/local/user_configs")
    assert "ada" in page.text
    browser.cookies.clear()
    assert browser.get(studio.path).status_code == 403
    assert browser.get("/local/user_configs").status_code == 403


def test_a_cookie_of_another_run_is_no_login(
    studio: Studio, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    browser.get(studio.path)
    other = Studio(snapshot(tmp_path_factory.mktemp("other")))
    with closing(Browser(other)) as second:
        second.cookies.update(browser.cookies)
        assert second.get("/local").status_code == 403


def test_the_pages_say_when_the_snapshot_was_taken_and_run_nothing_from_the_data(
    studio: Studio, browser: Browser
) -> None:
    browser.get(studio.path)
    for path in ("/", "/local", "/local/user_configs", "/local/user_configs/ada"):
        page = browser.get(path)
        is_row = path.endswith("/ada")
        assert is_row or "taken 2026-11-29 05:00 UTC" in page.text, path
        assert "<script>alert" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "no-store" in page.headers["cache-control"]


def test_rows_are_filtered_and_given_as_csv_and_json(studio: Studio, browser: Browser) -> None:
    browser.get(studio.path)
    rows = browser.get("/local/user_configs.json?user_id=bob&_shape=array").json()
    assert [row["user_id"] for row in rows] == ["bob"]
    lines = browser.get("/local/user_configs.csv?user_id=bob").text.splitlines()
    assert lines == ["user_id,note", "bob,plain"]


def test_sql_reads_and_does_not_write(
    studio: Studio, browser: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    browser.get(studio.path)
    read = browser.get("/local.json?sql=select+count(*)+as+n+from+user_configs&_shape=array")
    assert read.json() == [{"n": 2}]
    refused = browser.get("/local.json?sql=delete+from+user_configs&_shape=array")
    assert refused.status_code == 400
    assert browser.get("/local?sql=select+nothing").status_code == 400
    printed = "".join(capfd.readouterr())
    assert "Traceback" not in printed
    assert "alert(1)" not in printed
    assert len(browser.get("/local/user_configs.json?_shape=array").json()) == 2


@pytest.mark.parametrize("sql", [b"CREATE TABLE", b"\xff\xfe"])
def test_a_snapshot_that_does_not_load_is_told(tmp_path: Path, sql: bytes) -> None:
    with pytest.raises(OperationError, match="doesn't load"):
        Studio(snapshot(tmp_path, sql))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_moment_ends_the_pages_without_a_word(
    studio: Studio, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    signals: list[str] = []

    def end_it_before_it_serves(address: str) -> None:
        signals.append(address)
        signal.raise_signal(number)

    studio.serve(0, ready=end_it_before_it_serves)
    assert signals == [f"{signals[0].split('/-/')[0]}{studio.path}"]
    assert capfd.readouterr() == ("", "")
    assert signal.getsignal(number) is before


def test_what_ignores_a_lost_terminal_goes_on_ignoring_it(studio: Studio) -> None:
    def lose_the_terminal(_: str) -> None:
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        signal.raise_signal(signal.SIGTERM)

    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        studio.serve(0, ready=lose_the_terminal)
    finally:
        signal.signal(signal.SIGHUP, usual)
