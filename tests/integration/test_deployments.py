"""``notifyctl deployments`` and ``notifyctl cleanup`` as processes."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd
# A row's id begins with its moment: milliseconds since 2024, times 4096.
_ROW = """
INSERT INTO notification_logs
  (id, message_id, user_id, channel_type, content, status, sent_at, next_retry_at, created_at)
SELECT CAST((julianday(at) - julianday('2024-01-01')) * 86400000 AS INTEGER) * 4096,
  'cleanup-{name}', 'cleanup', 'webhook', 'x', '{status}', at, at, at
FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days') AS at)
"""


@pytest.mark.requirement("S0-61")
def test_deployments_are_listed_and_shown_with_their_versions(installation: Installation) -> None:
    version = installation.outputs()["version_id"]
    newest, *_ = installation.ctl_json("deployments", "list", "--stack", "local")
    assert newest["active"] is True
    assert newest["versions"] == [{"version_id": version, "percentage": 100}]
    active = installation.ctl_json("deployments", "active", "--stack", "local")
    shown = installation.ctl_json("deployments", "show", newest["id"][:8], "--stack", "local")
    assert active == shown
    (detail,) = shown["versions"]
    assert (detail["version_id"], detail["percentage"]) == (version, 100)
    assert detail["bindings"]["DB"] == "d1"
    assert detail["bindings"]["API_SECRET_KEY"] == "secret_text"

    text = installation.ctl("deployments", "list", "--stack", "local")
    assert text.returncode == 0
    assert f"{version} 100 %" in text.stdout
    text = installation.ctl("deployments", "active", "--stack", "local")
    assert "binding   DB (d1)" in text.stdout
    wrong = installation.ctl("deployments", "show", "ffffffff-0000", "--stack", "local")
    assert wrong.returncode == 1
    assert "names 0 deployments" in wrong.stderr


@pytest.mark.requirement("S0-42", "S0-43")
def test_health_answers_the_same_under_each_of_the_workers_names(
    installation: Installation,
) -> None:
    outputs = installation.outputs()
    port = urlsplit(installation.edge_url).port
    for host in (f"127.0.0.1:{port}", f"{outputs['worker_name']}.localhost:{port}"):
        for path in ("/health", "/api/health"):
            answer = httpx.get(
                f"{installation.edge_url}{path}",
                headers={"Host": host},
                trust_env=False,
                timeout=60,
            )
            health = answer.json()
            assert (answer.status_code, health["status"]) == (200, "healthy"), host
            assert health["deployment"]["version_id"] == outputs["version_id"]


@pytest.mark.requirement("S0-98")
def test_only_what_is_old_and_settled_is_cleaned_up(installation: Installation) -> None:
    for name, days, status in (("old", 40, "sent"), ("young", 5, "sent"), ("waiting", 40, "retry")):
        installation.sql(_ROW.format(name=name, days=days, status=status))
    done = installation.ctl_json("cleanup", "--stack", "local")
    assert (done["days"], done["removed"]) == (30, 1)
    rows = installation.sql(
        "SELECT message_id FROM notification_logs WHERE user_id = 'cleanup' ORDER BY message_id"
    )
    assert [row["message_id"] for row in rows] == ["cleanup-waiting", "cleanup-young"]
    installation.sql("DELETE FROM notification_logs WHERE user_id = 'cleanup'")
    text = installation.ctl("cleanup", "--stack", "local", "--days", "1")
    assert text.returncode == 0
    assert "0 removed" in text.stdout
