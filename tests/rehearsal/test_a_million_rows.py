"""What operators do to data, at a million notifications: how long it takes, and how much memory.

The table at the end of `make soak` has the figures: of the command itself, of the local cloud, and
of the largest of its runtimes (a version of the Worker is that, with Python inside).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest

from tests.altered_project import AlteredProject
from tests.eventually import eventually
from tests.installation import NOTIFYCTL, Installation

pytestmark = [pytest.mark.soak, pytest.mark.workerd]
ROWS = int(os.environ.get("NOTIFICATION_SOAK_ROWS", "1000000"))
AT_ONCE = 50_000
MAX_MEMORY = 200 * 1024 * 1024
DAYS = 6
"""Over which the rows are spread, the newest now: less than the cron's clean-up keeps."""
# Ids count milliseconds since 2024 (Julian day 2460310.5), times 4096.
_SEED = """
INSERT INTO notification_logs (id, message_id, user_id, channel_type, content, status, sent_at,
  error, last_error_code, attempts, request_id, created_at, updated_at)
WITH RECURSIVE
n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {first} + {count}),
t(i, ms) AS (SELECT i, CAST((julianday('now') - 2460310.5) * 86400000 AS INTEGER)
  - 60000 - i * {step} FROM n),
r(i, ms, at) AS (SELECT i, ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', 2460310.5 + ms / 86400000.0) FROM t)
SELECT ms * 4096 + i % 4096, 'seed-' || i, 'user-' || (i % 5000),
  CASE i % 3 WHEN 0 THEN 'slack' WHEN 1 THEN 'lark' ELSE 'webhook' END,
  'A text of about the length that a notification has, number ' || i || '.',
  CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'sent' END, CASE WHEN i % 50 = 0 THEN NULL ELSE at END,
  CASE WHEN i % 50 = 0 THEN 'HTTP 500' END, CASE WHEN i % 50 = 0 THEN 'HTTP_ERROR' END,
  '[{{"at":"' || at || '","status_code":200,"duration_ms":95}}]', 'seed-request-' || i, at, at
  FROM r
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation, of a copy of the project, that holds the rows."""
    folder = tmp_path_factory.mktemp("large")
    project = AlteredProject(folder / "project")
    built = Installation(folder, project=project.root)
    built.environment["NOTIFYCTL_BACKUPS"] = str(folder / "backups")
    del built.environment["NOTIFYCTL_CONFIG_FILE"]  # the copy's own, which a rotation writes
    try:
        built.up()
        step = DAYS * 86_400_000 // ROWS
        for first in range(0, ROWS, AT_ONCE):
            count = min(AT_ONCE, ROWS - first)
            built.sql(_SEED.format(first=first, count=count, step=step))
        assert counted(built) >= ROWS
        yield built
    finally:
        built.close()


def counted(installation: Installation) -> int:
    return int(installation.sql("SELECT count(*) AS n FROM notification_logs")[0]["n"])


COMMANDS = {
    "status": ["status"],
    "diagnose": ["diagnose"],
    "logs of one code": ["logs", "--code", "HTTP_ERROR", "--since", "1h", "--json"],
    "logs of an old request": ["logs", "--request-id", f"seed-request-{ROWS - 5}", "--json"],
    "explain": ["explain", "user-17"],
    "report daily": ["report", "daily"],
    "report weekly": ["report", "weekly"],
    "report monthly": ["report", "monthly"],
    "db check": ["db", "check"],
    "db status": ["db", "status"],
    "db bookmark": ["db", "bookmark"],
    "db backup": ["db", "backup"],
    "db verify": ["db", "verify"],
    "db restore": ["db", "restore", "--confirm", "local"],
    "keys rotate": ["keys", "rotate", "--stack", "local", "--kind", "encryption"],
    "cleanup": ["cleanup", "--days", "2"],
}


Recorded = Callable[[str, object], None]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_keeps_its_memory(
    large: Installation, record_property: Recorded, name: str
) -> None:
    found = measured(large, COMMANDS[name])
    found.record(record_property)
    assert found.memory < MAX_MEMORY, found.text[-2000:]
    assert "Traceback" not in found.text
    # A diagnosis may find the failures of the seed; an error of the command itself is another code.
    codes = {"diagnose": {0, 5}, "explain": {0, 1}, "keys rotate": {0, 8}}
    assert found.code in codes.get(name, {0}), found.text[-2000:]
    if name == "db backup" and found.seconds > 60:
        # A pipe hears how far it is, with the total.
        assert re.search(r"[\d,]+ of [\d,]+ (rows|MB)", found.text), found.text


def test_a_journey_through_time_and_back(large: Installation, record_property: Recorded) -> None:
    before = counted(large)
    bookmark = large.ctl_json("db", "bookmark")["bookmark"]
    large.sql(
        "DELETE FROM notification_logs WHERE id IN (SELECT id FROM notification_logs LIMIT 9)"
    )
    found = measured(large, ["db", "travel", bookmark, "--confirm", "local"])
    found.record(record_property)
    assert (found.code, counted(large)) == (0, before), found.text
    assert found.memory < MAX_MEMORY


def test_a_migration_that_builds_the_table_anew(
    large: Installation, record_property: Recorded
) -> None:
    before = counted(large)
    schema = large.project / "sql" / "schema.sql"
    text = schema.read_text()
    wanted = text.replace("CHECK (retry_count >= 0)", "CHECK (retry_count BETWEEN 0 AND 9999)")
    assert wanted != text
    schema.write_text(wanted)
    assert large.ctl("db", "generate", "bounded_retries").returncode == 0
    found = measured(large, ["db", "migrate", "--stack", "local"])
    found.record(record_property)
    assert (found.code, counted(large)) == (0, before), found.text
    assert found.memory < MAX_MEMORY


def test_the_studio_shows_them(large: Installation, record_property: Recorded) -> None:
    def look(process: subprocess.Popen[bytes], said: Path) -> None:
        found = eventually(lambda: re.search(r"http://\S+", said.read_text()), what="the address")
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=60) as browser:
            assert browser.get(found[0]).status_code == 200
            base = found[0].partition("/-/")[0]
            query = "/local.json?sql=select+count(*)+as+n+from+notification_logs&_shape=array"
            [shown] = browser.get(base + query).json()
            assert shown["n"] == counted(large)
        process.send_signal(signal.SIGINT)

    found = measured(large, ["db", "studio"], look)
    found.record(record_property)
    assert found.memory < MAX_MEMORY


def test_a_persons_export_is_whole_page_by_page(
    large: Installation, record_property: Callable[[str, object], None]
) -> None:
    began, found, after = time.monotonic(), 0, "0"
    with large.service() as service:
        while True:
            page = service.result("GET", "/api/users/user-18/export", query={"after": after})[
                "data"
            ]
            found += len(page["notifications"])
            if page.get("next_after") is None:
                break
            after = str(page["next_after"])
    record_property("seconds", round(time.monotonic() - began, 1))
    [counted] = large.sql("SELECT count(*) AS n FROM notification_logs WHERE user_id = 'user-18'")
    assert found == counted["n"] > 0


class Found(NamedTuple):
    """A command's end; memory in bytes at its peak, of the command and of the local cloud's."""

    code: int
    seconds: float
    memory: int
    cloud: int
    runtime: int
    text: str

    def record(self, record_property: Recorded) -> None:
        """Put the figures into the table at the end."""
        record_property("seconds", round(self.seconds, 1))
        record_property("MB", round(self.memory / 1e6))
        record_property("MB of the local cloud", round(self.cloud / 1e6))
        record_property("MB of workerd", round(self.runtime / 1e6))


def measured(
    installation: Installation,
    words: list[str],
    meanwhile: Callable[[subprocess.Popen[bytes], Path], None] = lambda _process, _said: None,
) -> Found:
    """Run a command to its end, and look at the memory of whoever works for it."""
    daemon = psutil.Process(installation.ctl_json("local", "status")["pid"])
    others = daemon.children(recursive=True)
    for one in (daemon, *others):
        Path(f"/proc/{one.pid}/clear_refs").write_text("5")  # the peak begins anew
    began = time.monotonic()
    said = Path(installation.home) / "said"
    with said.open("w+b") as output:
        process = subprocess.Popen(
            [str(NOTIFYCTL), *words],
            cwd=installation.project,
            env=installation.environment,
            stdout=output,
            stderr=output,
        )
        meanwhile(process, said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Found(
        process.returncode,
        time.monotonic() - began,
        usage.ru_maxrss * 1024,  # Linux counts in kilobytes
        peak(daemon),
        max(peak(one) for one in others),
        said.read_text(),
    )


def peak(process: psutil.Process) -> int:
    """Return the peak of a process's resident memory; 0 of one that is gone."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0
