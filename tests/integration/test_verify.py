"""The deployed service is verified from outside, and used as its clients use it."""

from __future__ import annotations

from tests.installation import Installation

FROM_OUTSIDE = ["worker", "version", "database", "cache", "queues"]
AS_A_CLIENT = ["endpoints", "config", "template", "send", "logs"]


def names_of(report: dict[str, object]) -> list[str]:
    checks = report["checks"]
    assert isinstance(checks, list)
    return [check["check"] for check in checks]


def test_on_this_machine_a_verification_sends_a_notification(installation: Installation) -> None:
    report = installation.ctl_json("verify", "--stack", "local", "--health-pause", "0")
    assert report["passed"] is True
    names = names_of(report)
    assert [name for name in names if name in FROM_OUTSIDE] == FROM_OUTSIDE
    assert [name for name in names if name in AS_A_CLIENT] == AS_A_CLIENT


def test_a_verification_without_integration_leaves_the_service_alone(
    installation: Installation,
) -> None:
    before = installation.sql("SELECT count(*) AS rows FROM notification_logs")
    report = installation.ctl_json(
        "verify", "--stack", "local", "--no-integration", "--health-pause", "0"
    )
    assert report["passed"] is True
    assert not set(names_of(report)) & set(AS_A_CLIENT)
    assert installation.sql("SELECT count(*) AS rows FROM notification_logs") == before
