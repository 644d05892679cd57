"""A large installation moves from one database to three and back, on the real edge runtime's D1."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.migrations.d1 import D1Database, Statement
from infra.migrations.files import MigrationSet
from infra.migrations.migrator import Migrator
from infra.shards.placement import shard_of
from infra.shards.record import Placement, read_placement
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from tests.installation import free_ports

pytestmark = pytest.mark.workerd

PROJECT = Path(__file__).parents[2]
LOGS = 50
"""Notifications of each user, beside one configuration."""
PEAK_MB = 150
"""A mover holds a page of rows and a page of users, however many there are."""
_FILL_USERS = """
WITH RECURSIVE numbers(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2)
INSERT INTO user_configs (id, user_id, channel_type, config_data)
SELECT 1000 + n, 'user-' || n, 'webhook', 'enc:v2:k:abc' FROM numbers
"""
_FILL_LOGS = """
WITH RECURSIVE numbers(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2)
INSERT INTO notification_logs
  (id, message_id, user_id, channel_type, content, content_type, status, sent_at, created_at,
    updated_at)
SELECT (n + 1) * 4096, 'ntf_' || (1704067200001 + n) || '_webhook_000000000000',
  'user-' || (n / 50), 'webhook', 'Order ' || n || ' was shipped', 'text', 'sent',
  '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'
FROM numbers
"""
_STEP = 20_000


class Cloud:
    """Three databases with the project's schema in a local cloud; all rows lie in the first."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.cloud = LocalCloud(folder, Ports(*free_ports(3)))
        self.endpoints = self.cloud.start()
        self.users = rows // (LOGS + 1)
        self.ids: list[str] = []
        self.databases = [self._create(f"shard-{number}") for number in range(3)]

    def _create(self, name: str) -> D1Database:
        answer = httpx.post(
            f"{self.endpoints.control_url}/accounts/{self.endpoints.account_id}/d1/database",
            json={"name": name, "read_replication": {"mode": "disabled"}},
            headers={"Authorization": f"Bearer {self.endpoints.api_token}"},
            trust_env=False,
        ).raise_for_status()
        self.ids.append(answer.json()["result"]["uuid"])
        database = D1Database(
            account_id=self.endpoints.account_id,
            database_id=self.ids[-1],
            base_url=self.endpoints.control_url,
            token=self.endpoints.api_token,
        )
        Migrator(database).apply(MigrationSet.read(PROJECT / "sql" / "migrations"))
        return database

    def fill(self) -> None:
        for sql, count in ((_FILL_USERS, self.users), (_FILL_LOGS, self.users * LOGS)):
            for first in range(0, count, _STEP):
                bounds = (str(first), str(min(first + _STEP, count)))
                bound = sql.replace("?1", bounds[0]).replace("?2", bounds[1])
                self.databases[0].batch([Statement(bound)])

    def mover(self, n: int) -> subprocess.Popen[str]:
        arguments = (self.endpoints.account_id, self.endpoints.control_url, str(n), *self.ids)
        return subprocess.Popen(
            [sys.executable, "-m", "tests.infra.mover_process", *arguments],
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", "CLOUDFLARE_API_TOKEN": self.endpoints.api_token},
            stdout=subprocess.PIPE,
            text=True,
        )

    def counts(self, table: str) -> list[int]:
        sql = f"SELECT COUNT(*) AS rows FROM {table}"  # noqa: S608 - a constant
        return [int(d.batch([Statement(sql)])[0][0]["rows"]) for d in self.databases]

    def sums(self) -> list[int]:
        """What all rows amount to, wherever they lie."""
        sql = (
            "SELECT COUNT(*) AS rows, COALESCE(SUM(id / 4096 * 31 + length(content) + "
            "CAST(substr(user_id, 6) AS INTEGER) * 7), 0) AS worth FROM notification_logs"
        )
        found = [database.batch([Statement(sql)])[0][0] for database in self.databases]
        return [sum(int(row[name]) for row in found) for name in ("rows", "worth")]

    def expected(self, n: int) -> list[int]:
        """Users at home in each database."""
        homes = Counter(shard_of(f"user-{number}", n) for number in range(self.users))
        return [homes[number] for number in range(3)]


def moved_rows(line: str) -> int:
    return int(line.partition(" ")[0].replace(",", ""))


@pytest.fixture
def cloud(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    # Cloudflare's 1,200 calls in five minutes would be most of the time; docs tell what they cost.
    monkeypatch.setenv("NOTIFICATION_LOCAL_API_LIMIT", "1000000")
    made = Cloud(tmp_path / "cloud", request.param)
    try:
        yield made
    finally:
        made.cloud.erase()


@pytest.mark.parametrize(
    "cloud", [6_000, pytest.param(1_000_000, marks=pytest.mark.soak)], indirect=True
)
def test_every_row_of_an_installation_moves_there_and_back(cloud: Cloud) -> None:
    cloud.fill()
    before = cloud.sums()
    assert before[0] == cloud.users * LOGS

    killed = cloud.mover(3)
    assert killed.stdout is not None
    for line in killed.stdout:
        if "rows have moved" in line and moved_rows(line) > before[0] / 4:
            break
    killed.kill()
    killed.wait()
    assert read_placement(cloud.databases[0]) == Placement(1, 3)
    there = cloud.counts("notification_logs")
    assert all(there), "it was killed in the middle"
    # A page that was copied when it was killed is in two databases.
    assert before[0] <= sum(there) <= before[0] + 500

    for n in (3, 1):
        began = time.monotonic()
        mover = cloud.mover(n)
        out, _ = mover.communicate()
        assert mover.returncode == 0, out
        seconds = time.monotonic() - began
        *told, ended, document = out.splitlines()
        moved = moved_rows(ended)
        print(f"{moved:,} rows in {seconds:,.0f} s, {moved / seconds:,.0f} a second; {document}")  # noqa: T201 - the report
        assert len(told) > moved / 500
        assert json.loads(document)["peak_mb"] < PEAK_MB
        assert cloud.sums() == before
        assert cloud.counts("user_configs") == cloud.expected(n)
        assert cloud.counts("notification_logs") == [LOGS * u for u in cloud.expected(n)]
        assert read_placement(cloud.databases[0]) == Placement(n)
