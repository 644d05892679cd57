"""`notifyctl deploy`: told, planned, verified, and taken back where it is bad."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.installation import free_ports
from tests.releases.stage import LOGS, Stage

pytestmark = [pytest.mark.workerd, pytest.mark.soak]

HEALTH = "worker/src/notification/routes/health.py"
SEND = "worker/src/notification/routes/send.py"
NEXT = "sql/migrations/0099_next.sql"


@pytest.fixture(autouse=True)
def notices(stage: Stage) -> Iterator[None]:
    """Every deployment tells a webhook and Lark at the sink, and a Slack that is dead."""
    sink = stage.installation.sink_url
    [dead] = free_ports(1)
    told = {
        "DEPLOY_WEBHOOK": f"{sink}/hook/team",
        "LARK_DEPLOY_WEBHOOK": f"{sink}/hook/lark-team",
        "LARK_DEPLOY_SECRET": "lark-secret",
        "SLACK_DEPLOY_WEBHOOK": f"http://127.0.0.1:{dead}/services/T0/B0/slack-path-secret",
    }
    stage.installation.environment.update(told)
    yield
    stage.project.restore()


def told(stage: Stage, path: str = "/hook/team") -> list[dict[str, Any]]:
    return [json.loads(message["body"]) for message in stage.installation.arrivals(path)]


@pytest.mark.requirement(
    "S0-41",
    "S0-44",
    "S0-47",
    "S0-72",
    "S0-73",
    "S0-74",
    "S0-75",
    "S0-76",
    "S0-102",
    "S0-103",
    "S4-33",
    "S4-34",
    "S4-35",
    "S4-36",
    "S4-37",
)
def test_a_deployment_is_told_verified_and_reported(stage: Stage, tmp_path: Path) -> None:
    [before] = stage.serving()
    commit = stage.change("first change")
    file = tmp_path / "report.json"
    options = ("--window", "Tuesday 10:00", "--scope", "sends", "--report", str(file))

    result = stage.ctl("deploy", "--json", *options)

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == json.loads(file.read_text())
    expected = {
        "environment": "development",
        "branch": "main",
        "commit": commit,
        "actor": "Test Operator",
        "result": "succeeded",
        "previous_version_id": before,
        "url": stage.installation.edge_url,
    }
    assert {name: report[name] for name in expected} == expected
    assert stage.serving() == {report["version_id"]: 100}
    checks = {check["check"]: check["result"] for check in report["checks"]}
    areas = {"endpoints", "config", "template", "send", "logs"}
    parts = {"worker", "version", "database", "cache", "queues", "unsigned", "signed"}
    assert checks == dict.fromkeys(areas | parts | {"assets"}, "passed")
    notices = told(stage)
    assert [notice["event"] for notice in notices] == ["planned", "started", "succeeded"]
    last = notices[-1]
    assert last["window"] == "Tuesday 10:00"
    assert last["scope"] == "sends"
    assert before[:8] in last["rollback_plan"]
    assert {"environment", "branch", "commit", "status", "duration", "link"} <= last.keys()
    assert "Slack at 127.0.0.1 didn't accept the notice 'succeeded'" in result.stderr
    assert "slack-path-secret" not in result.stderr
    assert all("sign" in notice for notice in told(stage, "/hook/lark-team"))


@pytest.mark.requirement("S4-12", "S4-43", "S4-44", "S0-109")
def test_a_bad_version_is_found_and_taken_back_without_a_failed_request(stage: Stage) -> None:
    [before] = stage.serving()
    stage.project.replace(
        LOGS,
        "async def list_logs(call: Call) -> Response:\n",
        'async def list_logs(call: Call) -> Response:\n    raise RuntimeError("bad release")\n',
    )

    with stage.requests() as counts:
        result = stage.ctl("deploy", "--health-pause", "0")

    assert result.returncode == 5, result.stdout + result.stderr
    assert "The check 'signed' failed" in result.stderr
    assert f"version {before[:8]} serves again" in result.stderr
    assert stage.serving() == {before: 100}
    assert sum(counts.values()) > 20
    assert set(counts) == {"200"}
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0
    assert [n["event"] for n in told(stage)][-4:] == ["started", "started", "rolled back", "failed"]


@pytest.mark.requirement("PD-12", "T-2")
def test_a_version_that_fails_its_smoke_test_neither_migrates_nor_serves(stage: Stage) -> None:
    serving = stage.serving()
    stage.project.replace(
        HEALTH,
        'healthy = database == cache == queues == "connected" and not errors',
        "healthy = False",
    )
    stage.project.root.joinpath(NEXT).write_text("CREATE TABLE next_shape (id INTEGER);\n")
    stage.project.root.joinpath(NEXT.replace(".sql", ".down.sql")).write_text(
        "DROP TABLE next_shape;\n"
    )

    result = stage.ctl("deploy")

    assert result.returncode == 4, result.stdout + result.stderr
    assert "failed the smoke test" in result.stderr
    assert "step 'health'" in result.stderr
    assert stage.serving() == serving
    assert stage.sql("SELECT name FROM d1_migrations WHERE name LIKE '0099%'") == []


@pytest.mark.soak
@pytest.mark.requirement("S0-108", "S0-109")
def test_a_good_canary_goes_through_all_steps_without_a_failed_request(stage: Stage) -> None:
    stage.change("canary")

    with stage.sends() as counts:
        report = stage.json("deploy", "--canary", "--steps", "50,100", "--least", "5")

    [step] = report["canary"]
    assert step["percentage"] == 50
    assert step["new"]["requests"] >= 5
    assert step["new"]["failures"] == 0
    assert stage.serving() == {report["version_id"]: 100}
    assert sum(counts.values()) > 10
    assert set(counts) == {"sent"}


@pytest.mark.soak
@pytest.mark.requirement("PD-10")
def test_a_migration_that_fails_changes_nothing_and_the_next_deployment_goes_on(
    stage: Stage,
) -> None:
    serving, updates = stage.serving(), stage.json("history")
    stage.change("with a migration")
    migration = stage.project.root / NEXT
    way_back = stage.project.root / NEXT.replace(".sql", ".down.sql")
    migration.write_text("CREATE TABLE next_a (id INTEGER);\nINSERT INTO nowhere VALUES (1);\n")
    way_back.write_text("DROP TABLE next_a;\n")

    failed = stage.ctl("deploy")

    assert failed.returncode == 4, failed.stdout + failed.stderr
    assert "0099_next.sql:2: statement 2 of 2 is refused" in failed.stderr
    assert stage.serving() == serving
    assert stage.sql("SELECT name FROM sqlite_master WHERE name = 'next_a'") == []
    # The preview finds it: no update begins, and there is none for a rollback to judge.
    assert stage.json("history") == updates
    migration.write_text("CREATE TABLE next_a (id INTEGER);\n")
    report = stage.json("deploy")
    assert stage.serving() == {report["version_id"]: 100}
    migration.unlink()
    way_back.unlink()
    stage.sql("DROP TABLE next_a")
    stage.sql("DELETE FROM d1_migrations WHERE name LIKE '0099%'")


@pytest.mark.soak
@pytest.mark.requirement("S4-29", "S0-57")
def test_a_version_that_lost_its_cache_binding_never_serves(stage: Stage) -> None:
    serving = stage.serving()
    stage.project.replace(
        "infra/components/bindings.py",
        'Binding(name="CONFIG_CACHE", type="kv_namespace"',
        'Binding(name="CACHE", type="kv_namespace"',
    )

    result = stage.ctl("deploy")

    assert result.returncode == 4
    assert "cache not_bound" in result.stderr
    assert "KV_NOT_BOUND" in result.stderr
    assert stage.serving() == serving


@pytest.mark.soak
@pytest.mark.requirement("S0-87", "S0-108")
def test_a_bad_canary_stops_by_itself_and_all_requests_go_back(stage: Stage) -> None:
    [before] = stage.serving()
    stage.project.replace(
        SEND,
        "async def send_notification(call: Call) -> Response:\n",
        'async def send_notification(call: Call) -> Response:\n    raise RuntimeError("bad")\n',
    )

    with stage.sends() as counts:
        result = stage.ctl("deploy", "--canary", "--steps", "50,100", "--least", "5")

    assert result.returncode == 5, result.stdout + result.stderr
    assert "The canary was stopped at 50 %" in result.stderr
    assert stage.serving() == {before: 100}
    assert counts["sent"] > 0
    assert stage.ctl("preview", "--expect-no-changes").returncode == 0


@pytest.mark.requirement("S0-87", "S0-108")
def test_an_interrupted_canary_leaves_its_report_and_tells_where_it_stands(
    stage: Stage, tmp_path: Path
) -> None:
    [before] = stage.serving()
    stage.change("interrupted")
    report = tmp_path / "report.json"
    with stage.sends():
        process = stage.installation.start(
            *("deploy", "--stack", "local", "--canary", "--steps", "50,100", "--least", "100000"),
            *("--report", str(report)),
        )
        eventually(lambda: len(stage.serving()) == 2, what="the canary's first step")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 130, out + err
    document = json.loads(report.read_text())
    assert document["result"] == "interrupted"
    assert document["previous_version_id"] == before
    assert "Interrupted." in document["detail"]
    assert told(stage)[-1]["event"] == "failed"
    assert stage.ctl("rollback", "--yes", "--reason", "a rehearsal").returncode == 0
    assert stage.serving() == {before: 100}
