"""One stack at a glance, put together from parts that may be missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ops.observe.drift.drift import DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown
from ops.observe.metrics import stack_status
from ops.observe.metrics.account_metrics import AccountMetrics
from ops.observe.metrics.caller_metrics import CallerMetrics
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level, Metric, Reading, Thresholds
from ops.stacks.errors import OperationError, ServiceError, StackFailed
from tests.installation import ROOT
from tests.ops.cli.in_process import Commands, failed_with
from tests.ops.contexts import context_of


def metric(name: str, value: float | None, unit: str = "ms", source: str = "analytics") -> Metric:
    return Metric(name, value, unit, source)


METRICS = AccountMetrics(
    requests=100,
    error_rate=metric("failed requests", 2.0, "%"),
    response=metric("response time, p99", 10.0),
    cpu=metric("CPU time, p99", 60.0),
    memory=metric("memory", None, "MB", "Cloudflare's analytics don't say"),
    backlogs=(metric("retry queue", 1_001.0, "messages"), metric("failed queue", 0.0, "messages")),
    versions={"new": (10, 1)},
    callers=CallerMetrics(()),
)
OUTPUTS = {
    "service_url": "http://service", "api_secret_key": "k" * 64, "worker_name": "notification",
    "d1_database_id": "d", "d1_database_name": "n",
}  # fmt: skip
HEALTH = {"status": "healthy", "database": "ok", "cache": "ok"}


class Parts:
    """Everything that a status is put together from."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.outputs: dict[str, Any] = dict(OUTPUTS)
        self.health: Any = httpx.Response(200, json=HEALTH)
        self.failing: dict[str, OperationError] = {}
        self.disk = ""
        put = patch.setattr
        put(stack_status, "require_local_cloud", lambda *_: self.part("cloud", None))
        put(stack_status, "choose_driver", lambda _: SimpleNamespace(outputs=self._outputs))
        put(stack_status, "ServiceClient", self._service)
        put(stack_status, "full_disk", lambda _: self.disk)
        account = SimpleNamespace(client=None)
        put(stack_status, "StackAccount", SimpleNamespace(of=lambda _: account))
        put(stack_status, "channel_metrics", lambda _: self.part("channels", ("channel",)))
        shares = SimpleNamespace(shares={"new": 12.5, "old": 87.5})
        active = SimpleNamespace(of_worker=lambda *_: self.part("versions", shares))
        put(stack_status, "ActiveDeployment", active)
        own = SimpleNamespace(
            failure_rate=metric("failed sends", None, "%", "the service finished no notification"),
            delivery=metric("delivery, p99", 2_000.0),
        )
        put(stack_status, "ServiceMetrics", SimpleNamespace(read=lambda _: own))
        put(stack_status, "AccountMetrics", SimpleNamespace(read=lambda *_: METRICS))
        drift = SimpleNamespace(probe=lambda: self.part("drift", "report"))
        put("ops.observe.drift.drift.Drift", lambda _: drift)

    def part(self, name: str, found: Any) -> Any:
        if name in self.failing:
            raise self.failing[name]
        return found

    def _outputs(self, *, show_secrets: bool) -> dict[str, Any]:
        assert show_secrets
        return self.outputs

    def _service(self, url: str, key: str) -> Any:
        assert (url, key) == (OUTPUTS["service_url"], OUTPUTS["api_secret_key"])
        service = SimpleNamespace(call=lambda *_: self.part("health", self.health))

        class Opened:
            def __enter__(self) -> Any:
                return service

            def __exit__(self, *_: object) -> None:
                return None

        return Opened()


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    return Parts(monkeypatch)


def status(tmp_path: Path, **options: Any) -> StackStatus:
    context = context_of(ROOT, home=tmp_path, environment={})
    return StackStatus.of(context, **{"drift": False, **options})


def test_a_status_has_every_part(parts: Parts, tmp_path: Path) -> None:
    found = status(tmp_path, drift=True)
    assert (found.stack, found.url, found.health_status) == ("local", "http://service", 200)
    assert found.health == HEALTH
    assert found.shares == {"new": 12.5, "old": 87.5}
    assert list(map(str, found.channels)) == ["channel"]
    assert str(found.drift) == "report"
    assert (found.unknown, found.unknown_lines) == ({}, [])
    assert status(tmp_path).drift is None
    assert found.is_healthy


def test_each_metric_is_held_against_its_threshold(parts: Parts, tmp_path: Path) -> None:
    levels = {each.metric.name: (each.threshold, each.level) for each in status(tmp_path).readings}
    assert levels == {
        "failed requests": (1.0, Level.WARNING),
        "failed sends": (1.0, Level.UNKNOWN),
        "response time, p99": (1_000.0, Level.OK),
        "delivery, p99": (1_000.0, Level.WARNING),
        "retry queue": (1_000.0, Level.CRITICAL),
        "failed queue": (1_000.0, Level.OK),
        "memory": (100.0, Level.UNKNOWN),
        "CPU time, p99": (50.0, Level.INFORMATION),
    }
    raised = status(tmp_path, thresholds=Thresholds(backlog=5_000.0)).readings
    assert [each.level for each in raised if each.metric.name == "retry queue"] == [Level.OK]


@pytest.mark.parametrize(
    ("name", "empty"),
    [("versions", "shares"), ("channels", "channels"), ("drift", "drift"), ("health", "health")],
)
def test_a_part_that_does_not_answer_takes_nothing_from_the_others(
    parts: Parts, tmp_path: Path, name: str, empty: str
) -> None:
    parts.failing[name] = ServiceError("No answer.")
    found = status(tmp_path, drift=True)
    assert found.unknown == {name: "No answer."}
    assert found.unknown_lines == [f"unknown: {name}: No answer."]
    assert not getattr(found, empty)
    assert found.url == "http://service"
    assert found.is_healthy is (name != "health")
    assert found.health_status == (0 if name == "health" else 200)


@pytest.mark.parametrize("key", ["service_url", "api_secret_key"])
def test_a_stack_without_a_service_is_not_deployed(parts: Parts, tmp_path: Path, key: str) -> None:
    del parts.outputs[key]
    with pytest.raises(StackFailed, match="The stack 'local' isn't deployed"):
        status(tmp_path)


def test_a_local_stack_needs_its_cloud(parts: Parts, tmp_path: Path) -> None:
    parts.failing["cloud"] = ServiceError("It doesn't run.")
    with pytest.raises(ServiceError, match=r"It doesn't run\."):
        status(tmp_path)


@pytest.mark.parametrize(
    ("answer", "disk", "health", "is_healthy"),
    [
        (httpx.Response(200, json={"status": "degraded"}), "", {"status": "degraded"}, False),
        (httpx.Response(503, json=HEALTH), "", HEALTH, False),
        (httpx.Response(200, json=HEALTH), "The disk is full", HEALTH, False),
        (httpx.Response(200, json=[]), "", {}, False),
        (httpx.Response(200, text="<html>"), "", {}, False),
    ],
)
def test_a_service_is_healthy_where_it_says_so_and_has_room(
    parts: Parts, tmp_path: Path, answer: httpx.Response, disk: str, health: Any, is_healthy: bool
) -> None:
    parts.health, parts.disk = answer, disk
    found = status(tmp_path)
    assert (found.health, found.disk, found.is_healthy) == (health, disk, is_healthy)
    assert found.health_status == answer.status_code


def test_the_document_has_all_of_it(parts: Parts, tmp_path: Path) -> None:
    found = replace(status(tmp_path), channels=())
    document = found.document()
    json.dumps(document)
    assert document["versions"] == [
        {"version_id": "new", "percentage": 12.5, "requests": 10, "errors": 1},
        {"version_id": "old", "percentage": 87.5, "requests": 0, "errors": 0},
    ]
    assert document["level"] == "critical"
    assert document["drift"] is None
    assert len(document["figures"]) == 8
    assert {document[name] for name in ("stack", "url", "disk")} == {"local", "http://service", ""}


def test_failures_that_the_data_set_tells_are_told_once(parts: Parts, tmp_path: Path) -> None:
    told = {"code": "REQUESTS_FAILED", "message": "some failed"}
    parts.health = httpx.Response(
        200, json={**HEALTH, "errors": [told, {"code": "X", "message": "x"}]}
    )
    found = status(tmp_path)
    assert [one.get("code") for one in found.problems] == ["X"]
    blind = replace(METRICS.callers, problem="no data set")
    found = replace(found, metrics=replace(METRICS, callers=blind))
    assert [one.get("code") for one in found.problems] == ["REQUESTS_FAILED", "X"]


# the command


def reading(name: str, value: float | None, level: Level, source: str = "s") -> Reading:
    return Reading(metric(name, value, source=source), 100.0, level)


def shown(commands: Commands, found: StackStatus, *arguments: str) -> Any:
    asked: list[bool] = []

    def of(_: Any, *, drift: bool) -> StackStatus:
        asked.append(drift)
        return found

    commands.replace("status", StackStatus=SimpleNamespace(of=of))
    result = commands.run("status", *arguments)
    assert asked == ["--drift" in arguments]
    return result


@pytest.fixture
def found(parts: Parts, tmp_path: Path) -> StackStatus:
    channel = SimpleNamespace(
        channel="lark", sent=1_200, failed=3, retrying=0, waiting=2, oldest="2026-11-22T12:00:00Z"
    )
    readings = (
        reading("first", 1.0, Level.OK),
        reading("second", 200.0, Level.WARNING),
        reading("third", 300.0, Level.WARNING),
        reading("fourth", 400.0, Level.CRITICAL),
        reading("fifth", None, Level.UNKNOWN, "the token may not read it"),
        reading("sixth", None, Level.UNKNOWN, "nobody called"),
    )
    return replace(
        status(tmp_path),
        channels=(channel,),  # type: ignore[arg-type]
        readings=readings,
        unknown={"metrics": "no token"},
        health={**HEALTH, "errors": [{"code": "X", "message": "a problem"}, {"code": "Y"}]},
    )


def test_the_screen_shows_the_parts_in_order(commands: Commands, found: StackStatus) -> None:
    lines = shown(commands, found).stdout.splitlines()
    assert lines[:5] == [
        "stack     local, http://service",
        "status    healthy: database ok, cache ok, queues unknown",
        "drift     not looked for (--drift)",
        "problem   a problem",
        "",
    ]
    assert lines[5].split() == "version traffic requests 1 h failed".split()  # noqa: SIM905
    assert lines[6].split() == ["new", "12.5", "%", "10", "1"]
    assert lines[7].split() == ["old", "87.5", "%", "-", "-"]
    assert lines[9].split() == ["lark", "1,200", "3", "0", "2", "2026-11-22T12:00:00Z"]
    assert lines[12].split() == ["first", "1.00", "ms", "100", "ms", "ok"]
    after = lines[18:]
    assert after[0] == "warning: second 200 ms; third 300 ms"
    assert after[1] == "critical: fourth 400 ms"
    assert "unknown: fifth: the token may not read it" in after
    assert not any("sixth" in line for line in after)
    assert after[-1] == "unknown: metrics: no token"
    assert any("canary" in line for line in after)


def test_one_version_alone_is_no_canary(commands: Commands, found: StackStatus) -> None:
    said = shown(commands, replace(found, shares={"new": 100.0})).stdout
    assert "canary" not in said


def test_a_full_disk_is_a_problem(commands: Commands, found: StackStatus) -> None:
    result = shown(commands, replace(found, disk="The disk is full"))
    assert "problem   The disk is full" in result.stdout.splitlines()
    assert "isn't healthy: GET /health answered 200" in failed_with(result, ServiceError)


@pytest.mark.parametrize(("status_code", "said"), [(0, "nothing"), (503, "503")])
def test_a_service_that_is_not_healthy_ends_with_what_it_answered(
    commands: Commands, found: StackStatus, status_code: int, said: str
) -> None:
    result = shown(commands, replace(found, health_status=status_code, channels=()), "--json")
    assert json.loads(result.stdout)["stack"] == "local"
    assert result.stdout.startswith("{\n  ")
    assert f"GET /health answered {said}. 'notifyctl diagnose --stack local'" in failed_with(
        result, ServiceError
    )


@pytest.mark.parametrize(
    ("findings", "unknown", "said"),
    [
        (0, (), "none in 7 resources"),
        (2, (), "2 of 7 resources; see 'notifyctl drift'"),
        (0, ("secrets", "cron"), "none in 7 resources; unknown: secrets, cron"),
    ],
)
def test_drift_is_told_in_a_line(
    commands: Commands, found: StackStatus, findings: int, unknown: tuple[str, ...], said: str
) -> None:
    finding = Finding("cron", "worker", "nothing", "a cron", Repair.NONE)
    report = DriftReport(
        "local", 7, (finding,) * findings, tuple(Unknown(kind, "one", "no") for kind in unknown)
    )
    line = shown(commands, replace(found, drift=report), "--drift").stdout.splitlines()[2]
    assert line == f"drift     {said}"


def test_what_drift_could_not_compare_is_told_with_its_reason_once(
    commands: Commands, found: StackStatus
) -> None:
    lacking = "The token lacks Account → Workers KV Storage → Read."
    unknown = (
        *(Unknown("KV namespace", name, lacking) for name in ("cache", "limits")),
        Unknown("queue", "retry", "No answer."),
    )
    drift = DriftReport("local", 7, (), unknown)
    lines = shown(commands, replace(found, drift=drift), "--drift").stdout.splitlines()
    assert lines[-3:] == [
        "unknown: metrics: no token",
        f"drift of KV namespace isn't known: {lacking}",
        "drift of queue isn't known: No answer.",
    ]


def test_drift_that_could_not_be_found_out_is_unknown(
    commands: Commands, found: StackStatus
) -> None:
    line = shown(commands, replace(found, unknown={"drift": "no state"}), "--drift")
    assert line.stdout.splitlines()[2] == "drift     unknown"
