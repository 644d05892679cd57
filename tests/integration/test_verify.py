"""The deployed service is verified from outside, and used as its clients use it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ops.deploy import integration_set
from ops.stacks.console import Reporter
from tests.eventually import eventually
from tests.installation import Installation

FROM_OUTSIDE = ["worker", "version", "database", "cache", "queues"]
AS_A_CLIENT = ["endpoints", "config", "template", "send", "logs"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose callers fail where a test says so, and nowhere else."""
    with Installation.deployed(tmp_path_factory.mktemp("verified")) as built:
        yield built


def names_of(report: dict[str, object]) -> list[str]:
    checks = report["checks"]
    assert isinstance(checks, list)
    return [check["check"] for check in checks]


def test_on_this_machine_a_verification_sends_a_notification(own: Installation) -> None:
    report = own.ctl_json("verify", "--stack", "local", "--health-pause", "0")
    assert report["passed"] is True
    names = names_of(report)
    assert [name for name in names if name in FROM_OUTSIDE] == FROM_OUTSIDE
    assert [name for name in names if name in AS_A_CLIENT] == AS_A_CLIENT


def test_a_verification_without_integration_leaves_the_service_alone(
    own: Installation,
) -> None:
    before = own.sql("SELECT count(*) AS rows FROM notification_logs")
    report = own.ctl_json("verify", "--stack", "local", "--no-integration", "--health-pause", "0")
    assert report["passed"] is True
    assert not set(names_of(report)) & set(AS_A_CLIENT)
    assert own.sql("SELECT count(*) AS rows FROM notification_logs") == before


def test_a_version_whose_callers_fail_is_not_verified(own: Installation) -> None:
    body = {"user_id": "unread", "channels": ["webhook"], "custom_content": {"content": "x"}}
    own.sql("ALTER TABLE user_configs RENAME TO user_configs_away")
    try:
        with own.service() as service:
            for _ in range(20):
                answer = service.call("POST", "/api/notifications/send", body=body)
                assert answer.status_code == 503
    finally:
        own.sql("ALTER TABLE user_configs_away RENAME TO user_configs")

    def refused() -> dict[str, object] | None:
        command = ("verify", "--no-integration", "--health-pause", "0", "--json")
        done = own.ctl(*command)
        document: dict[str, object] = json.loads(done.stdout)
        return document if done.returncode == 5 else None

    # A point arrives a moment after its answer.
    document = eventually(refused, what="the refusal of the verification")
    assert document["failed_check"] == "callers"
    assert "POST /api/notifications/send over webhook: 503 DB_ERROR" in str(document["message"])


def test_a_send_to_nobody_leaves_a_cancelled_row_and_no_retry(
    own: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in production without an endpoint for checks: nothing listens at this address."""
    monkeypatch.setattr(integration_set, "NOWHERE", "http://127.0.0.1:1/")
    last = "SELECT id, status, next_retry_at FROM notification_logs ORDER BY id DESC LIMIT 1"
    before = own.sql(last)
    with own.service() as service:
        results = integration_set.IntegrationSet(
            service, sink_url=None, reporter=Reporter(quiet=True), environment={}
        ).run()
    assert [result.document()["result"] for result in results] == ["passed"] * 5
    [row] = own.sql(last)
    assert [row] != before
    assert (row["status"], row["next_retry_at"]) == ("cancelled", None)
