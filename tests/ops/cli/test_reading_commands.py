"""Commands that only look: what they ask for, what they print, and how they end."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from ops.access.token.token_report import TokenReport
from ops.deploy.verification import CheckResult
from ops.observe.diagnosis.branch import Branch, Finding, Verdict
from ops.observe.measuring.load import Measured
from ops.observe.reports.operation_report import Period
from ops.stacks.driver import HistoryEntry
from ops.stacks.errors import ServiceError, StackFailed, UsageError, VerificationFailed
from tests.ops.cli.in_process import Commands, failed_with


def document(result: Result) -> Any:
    """The one document on standard output, which is laid out for people too."""
    assert result.stdout.startswith(("{\n  ", "[\n  ", "[]")), result.output
    return json.loads(result.stdout)


def rows(result: Result) -> list[list[str]]:
    """The words of each printed line."""
    return [line.split() for line in result.stdout.splitlines()]


# history


ENTRIES = [
    HistoryEntry(
        3, "update", 1_795_348_800, 1_795_349_000, "succeeded", "third", {"same": 9, "create": 1}
    ),
    HistoryEntry(2, "refresh", 1_795_340_000, 1_795_340_045, "failed", "second", {}),
    HistoryEntry(1, "update", 1_795_330_000, 1_795_330_000, "succeeded", "first", {"create": 10}),
]


@pytest.fixture
def driver(commands: Commands) -> Commands:
    commands.replace("history", choose_driver=lambda _: SimpleNamespace(history=lambda: ENTRIES))
    return commands


def test_the_history_is_a_table_with_what_each_update_took(driver: Commands) -> None:
    assert rows(driver.run("history", "-n", "2")) == [
        ["update", "kind", "result", "when", "took", "changes", "message"],
        [
            "3",
            "update",
            "succeeded",
            "2026-11-22T12:00:00Z",
            "3",
            "min",
            "20",
            "s",
            "1",
            "create,",
            "9",
            "same",
            "third",
        ],
        ["2", "refresh", "failed", "2026-11-22T09:33:20Z", "45", "s", "second"],
    ]
    assert driver.opened == ["local"]


def test_the_history_as_json_has_each_update_whole(driver: Commands) -> None:
    found = document(driver.run("history", "--json", "--limit", "1"))
    assert found == [asdict(ENTRIES[0])]
    assert len(document(driver.run("history", "--json"))) == 3


def test_a_stack_that_was_never_deployed_has_no_history(commands: Commands) -> None:
    commands.replace("history", choose_driver=lambda _: SimpleNamespace(history=list))
    found = commands.run("history", "--stack", "dev").stdout
    assert found.startswith("The stack 'dev' has no updates")


def test_twenty_updates_are_shown_unless_more_are_asked_for(commands: Commands) -> None:
    many = [replace(ENTRIES[0], version=number) for number in range(25)]
    commands.replace("history", choose_driver=lambda _: SimpleNamespace(history=lambda: many))
    assert len(document(commands.run("history", "--json"))) == 20


# releases


RELEASE = {
    "update": 7, "at": "2026-11-22T12:00:00Z", "version_id": "v" * 36, "commit": "c" * 40,
    "schema_level": 4, "result": "verified", "percentage": 12.5, "actor": "ada",
}  # fmt: skip


class Releases:
    """A listing of two releases, or as many as are asked for."""

    def __init__(self, settings: dict[str, Any] | None) -> None:
        self.settings = settings
        self.limits: list[int] = []

    def rows(self, limit: int) -> list[dict[str, Any]]:
        self.limits.append(limit)
        unknown = {**RELEASE, "update": None, "commit": "", "percentage": 0, "result": "failed"}
        return [RELEASE, unknown]

    def notes(self) -> list[str]:
        return ["a canary is under way"]

    def one(self, name: str) -> dict[str, Any]:
        return {"version_id": name, "commit": "c" * 40, "settings": self.settings}


def listing(commands: Commands, settings: dict[str, Any] | None = None) -> Releases:
    found = Releases(settings)
    commands.replace("releases", ReleaseListing=SimpleNamespace(of_stack=lambda _: found))
    return found


def test_releases_are_a_table_with_what_serves_and_notes(commands: Commands) -> None:
    found = listing(commands)
    lines = rows(commands.run("releases"))
    time = "2026-11-22T12:00:00Z"
    assert lines[1] == ["7", time, "v" * 36, "c" * 12, "4", "verified", "12.5", "%", "ada"]
    assert lines[2] == ["-", time, "v" * 36, "-", "4", "failed", "ada"]
    assert lines[3] == ["a", "canary", "is", "under", "way"]
    assert found.limits == [10]
    assert document(commands.run("releases", "--json", "-n", "3"))[0] == RELEASE
    assert found.limits == [10, 3]


def test_one_release_is_shown_whole(commands: Commands) -> None:
    listing(commands, {"logLevel": "info", "crons": ["* * * * *"]})
    lines = commands.run("releases", "--show", "v1").stdout.splitlines()
    assert lines == [
        "version_id      v1",
        f"commit          {'c' * 40}",
        "settings        those that aren't the defaults:",
        '  crons: ["* * * * *"]',
        '  logLevel: "info"',
    ]
    found = document(commands.run("releases", "--show", "v1", "--json"))
    assert found["settings"] == {"logLevel": "info", "crons": ["* * * * *"]}


def test_a_release_without_settings_says_why(commands: Commands) -> None:
    listing(commands)
    last = commands.run("releases", "--show", "v1").stdout.splitlines()[-1]
    assert last == "settings        not kept: it was deployed before releases kept them"


# diagnose


BRANCHES = [
    Branch("reachable", "Is it reachable?", found=["200 in 12 ms"]),
    Branch(
        "errors",
        "Are there errors?",
        Verdict.ILL,
        [Finding("5 sends failed", "Sends fail", ("notifyctl logs",), window="in 24 h")],
    ),
    Branch("speed", "Is it fast?", Verdict.UNKNOWN, found=["no figures"]),
]


@pytest.mark.parametrize("ill", [True, False])
def test_a_diagnosis_begins_with_what_is_wrong(commands: Commands, ill: bool) -> None:
    found = BRANCHES if ill else [BRANCHES[0], BRANCHES[2]]
    commands.replace("diagnose", _branches=lambda _: found)
    result = commands.run("diagnose", "--stack", "dev")
    answers = ["✓ Is it reachable? well", "    200 in 12 ms"]
    unknown = ["? Is it fast? unknown", "    no figures"]
    if not ill:
        assert result.exit_code == 0
        assert result.stdout.splitlines() == [*answers, *unknown]
        return
    assert result.stdout.splitlines() == [
        "✗ errors: 5 sends failed",
        "    in 24 h",
        "  → notifyctl logs",
        "    runbook: Sends fail",
        *answers,
        "✗ Are there errors? ill",
        *unknown,
    ]
    assert "The service of 'dev' has problems in: errors." in failed_with(
        result, VerificationFailed
    )
    assert result.exception is not None
    assert getattr(result.exception, "check", None) == "errors"


def test_a_finding_without_a_time_has_no_line_for_it(commands: Commands) -> None:
    branch = Branch("data", "Is the data sound?", Verdict.ILL, [Finding("a table is gone", "Data")])
    commands.replace("diagnose", _branches=lambda _: [branch])
    lines = commands.run("diagnose").stdout.splitlines()
    assert lines[:2] == ["✗ data: a table is gone", "    runbook: Data"]


def test_a_diagnosis_as_json_has_every_branch(commands: Commands) -> None:
    commands.replace("diagnose", _branches=lambda _: BRANCHES)
    found = document(commands.run("diagnose", "--json", "--stack", "dev"))
    branches = json.loads(json.dumps([each.document() for each in BRANCHES]))
    assert found == {"stack": "dev", "branches": branches}


def test_a_diagnosis_asks_its_four_questions_in_order(commands: Commands) -> None:
    commands.replace(
        "diagnose",
        StackStatus=SimpleNamespace(
            of=lambda context, *, drift: SimpleNamespace(url="http://service", drift=drift)
        ),
        StackDatabase=SimpleNamespace(all_of=lambda _: [SimpleNamespace(account="account")]),
        ServiceClient=lambda url: nullcontext(url),
        reachability=lambda url, service: Branch("reachable", f"{url} {service}"),
        errors_branch=lambda status, account, _: Branch("errors", f"{status.drift} {account}"),
        speed_branch=lambda *_: Branch("speed", ""),
        data_branch=lambda *_: Branch("data", ""),
    )
    found = document(commands.run("diagnose", "--json"))["branches"]
    assert [(each["name"], each["question"]) for each in found] == [
        ("reachable", "http://service http://service"),
        ("errors", "False account"),
        ("speed", ""),
        ("data", ""),
    ]


# verify


class Verified:
    """A deployment whose checks pass, or fail at the signed call."""

    def __init__(self, failure: VerificationFailed | None = None) -> None:
        self.failure = failure
        self.asked: dict[str, Any] = {}

    def __call__(self, context: Any) -> Verified:
        return self

    def outputs(self, *, start: bool) -> dict[str, bool]:
        return {"started": start}

    def checks(self) -> Verified:
        return self

    def run(self, outputs: Any, **asked: Any) -> list[CheckResult]:
        self.asked = {**outputs, **asked}
        if self.failure is not None:
            raise self.failure
        return [CheckResult("worker", True, "200")]


def test_a_verification_starts_nothing_and_looks_a_minute_back(commands: Commands) -> None:
    deployment = Verified()
    commands.replace("verify", Deployment=deployment)
    assert commands.run("verify").output == ""
    asked = {"started": False, "integration": None, "pause": 10.0, "callers": 60}
    assert deployment.asked == asked
    found = document(commands.run("verify", "--json", "--no-integration", "--health-pause", "0"))
    assert found == {
        "stack": "local",
        "passed": True,
        "checks": [CheckResult("worker", True, "200").document()],
    }
    assert deployment.asked == {**asked, "integration": False, "pause": 0.0}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_failed_check_is_named(commands: Commands, as_json: bool) -> None:
    failure = VerificationFailed("The signed call was refused.", check="signed call")
    commands.replace("verify", Deployment=Verified(failure))
    result = commands.run("verify", *["--json"] * as_json)
    assert result.exception is failure
    if not as_json:
        assert result.stdout == ""
        return
    assert document(result) == {
        "stack": "local",
        "passed": False,
        "failed_check": "signed call",
        "message": "The signed call was refused.",
    }


# token


REPORT = TokenReport(
    "active", "policies", ("D1 edit", "KV edit"), (), ("Zone read",), "2027-01-01T00:00:00Z"
)


def checked(commands: Commands, report: TokenReport) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    commands.replace("token", check_stack_token=lambda _, **how: asked.update(how) or report)
    return asked


def test_a_token_is_told_with_each_permission(commands: Commands) -> None:
    asked = checked(commands, REPORT)
    result = commands.run("token", "check", "--allow-more")
    assert result.stdout.splitlines() == [
        "token        active, until 2027-01-01T00:00:00Z",
        "permissions  as Cloudflare tells",
        "has          D1 edit",
        "has          KV edit",
        "too many     Zone read",
    ]
    assert result.exit_code == 0
    assert asked == {"token_variable": None, "token_id": None}


def test_a_token_that_fails_says_why_after_its_report(commands: Commands) -> None:
    asked = checked(commands, TokenReport("active", "calls", missing=("D1 edit",)))
    result = commands.run("token", "check", "--id", "abc", "--token-variable", "OTHER")
    assert result.stdout.splitlines() == [
        "token        active",
        "permissions  as far as calls show",
        "lacks        D1 edit",
    ]
    assert "The token lacks D1 edit." in failed_with(result, VerificationFailed)
    assert asked == {"token_variable": "OTHER", "token_id": "abc"}
    checked(commands, REPORT)
    assert "may do more" in failed_with(commands.run("token", "check"), VerificationFailed)


def test_a_token_that_is_none_has_no_permissions(commands: Commands) -> None:
    checked(commands, TokenReport("malformed"))
    assert commands.run("token", "check").stdout == "token        malformed\n"


def test_a_tokens_report_as_json(commands: Commands) -> None:
    checked(commands, REPORT)
    found = document(commands.run("token", "check", "--json", "--allow-more", "-s", "dev"))
    assert found == {"stack": "dev", **REPORT.document()}


# cost


def test_the_cost_of_a_month_is_counted_with_what_was_asked_for(commands: Commands) -> None:
    def cost(*arguments: str) -> Any:
        return document(commands.run("cost", "--monthly", "5000000", "--json", *arguments))

    usual = cost()
    asked = ("--retry-share", "0.02", "--key-share", "1.0", "--log-sampling", "1.0")
    assert cost(*asked, "--retention-hours", "168") == usual
    for option, value in (
        ("--retry-share", "3"),
        ("--key-share", "0"),
        ("--log-sampling", "0"),
        ("--retention-hours", "1000"),
        ("--cpu-ms", "500"),
        ("--databases", "8"),
    ):
        assert cost(option, value) != usual, option
    assert cost("--retry-share", "3")["usd"] > usual["usd"] == round(usual["usd"], 2)


def test_the_cost_as_text_ends_with_a_chart(commands: Commands) -> None:
    text = commands.run("cost", "--monthly", "100000").stdout
    table, chart = text.split("\n\nUS dollars a month:\n")
    assert "100,000" in table
    assert "The paid plan, with one database, ends at:" in table
    assert chart.strip()
    several = commands.run("cost", "--monthly", "100000", "--databases", "2").stdout
    assert "The paid plan, with 2 databases, ends at:" in several
    assert commands.run("cost", "--monthly", "1", "--databases", "9").exit_code == 2


# analyze


SAVED: list[dict[str, Any]] = [
    {"level": "info", "message": "accepted", "path": "/api/a", "duration": 10},
    {"level": "info", "message": "accepted", "path": "/api/a", "duration": 30},
    {"level": "error", "message": "it broke", "path": "/api/b"},
]
LINES = "\n".join(json.dumps({"timestamp": 1_795_348_800_000, **line}) for line in SAVED)


def test_saved_lines_are_counted_and_the_errors_shown(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "lines.ndjson"
    file.write_text(LINES + "\n")
    result = commands.run("analyze", str(file))
    lines = result.stdout.splitlines()
    assert lines[0].startswith("3 lines: ")
    assert "2 info" in lines[0]
    assert "1 error" in lines[0]
    assert lines[1].split() == [
        "measured",
        "count",
        "average",
        "ms",
        "median",
        "ms",
        "p95",
        "ms",
        "most",
        "ms",
    ]
    assert lines[2].split() == ["all", "2", "20", "10", "30", "30"]
    assert lines[3].split() == ["/api/a", "2", "20", "10", "30", "30"]
    assert "it broke" in lines[-1]
    assert len([line for line in lines if "it broke" in line]) == 1


def test_only_the_errors_of_a_path_are_shown(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "lines.ndjson"
    file.write_text(LINES + "\n")
    (line,) = commands.run("analyze", str(file), "--errors").stdout.splitlines()
    assert "it broke" in line
    assert commands.run("analyze", str(file), "--errors", "--path", "/api/a").stdout == ""
    found = document(commands.run("analyze", str(file), "--json", "--path", "/api/a"))
    assert found["lines"] == 2


def test_a_file_without_lines_has_none(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "empty.ndjson"
    file.write_text("")
    lines = commands.run("analyze", str(file)).stdout.splitlines()
    assert lines[0] == "0 lines: none"
    assert lines[-1].split() == ["all", "0", "-", "-", "-", "-"]


# perf


class Loaded:
    """A load that takes what it is asked for, and answers as told."""

    def __init__(self, *results: Measured) -> None:
        self.results = list(results)
        self.made: dict[str, Any] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.base_url, self.api_secret_key = "http://service", "key"

    def __call__(self, url: str, key: str, **made: Any) -> Loaded:
        self.made = {"url": url, "key": key, **made}
        return self

    def measure(self, method: str, target: str, *, body: Any) -> Measured:
        self.calls.append((method, target, body))
        return self.results[len(self.calls) - 1]

    def result(self, *call: Any, body: Any) -> None:
        self.calls = []
        self.saved = (*call, body)


WELL = Measured("health", {200: 4}, [1.0, 2.0, 3.0, 10.0], 2.0)
SLOW = Measured("logs", {200: 4}, [5.0, 5.0, 5.0, 5.0], 1.0)


def loaded(commands: Commands, *results: Measured) -> Loaded:
    load = Loaded(*results)
    commands.replace("perf", connect=lambda _: nullcontext(load), Load=load)
    return load


def test_the_service_is_measured_by_health_and_a_signed_read(commands: Commands) -> None:
    load = loaded(commands, WELL, SLOW)
    result = commands.run("perf")
    assert load.calls == [
        ("GET", "/health", None),
        ("GET", "/api/notification-logs?limit=20", None),
    ]
    assert load.made == {
        "url": "http://service", "key": "key", "requests": 100, "concurrency": 4,
    }  # fmt: skip
    table = rows(result)
    assert table[1][:4] == ["health", "4", "0", "2"]
    assert [line[0] for line in table] == ["request", "health", "logs"]
    steps = result.stderr.splitlines()
    assert steps[0].startswith("✓ GET /health 0 of 100 failed (")
    assert steps[1].startswith("✓ GET /api/notification-logs 0 of 100 failed (")


def test_a_measurement_as_json(commands: Commands) -> None:
    loaded(commands, WELL, SLOW)
    found = document(commands.run("perf", "--json", "-n", "4", "-c", "2"))
    assert found == {
        "stack": "local",
        "concurrency": 2,
        "results": [WELL.document(), SLOW.document()],
    }


def test_sends_are_measured_with_a_user_of_their_own(commands: Commands) -> None:
    load = loaded(commands, WELL, SLOW, WELL)
    assert commands.run("perf", "--send", "http://sink/hook").exit_code == 0
    method, path, config = load.saved
    assert (method, path) == ("POST", "/api/user-configs")
    user = config["user_id"]
    assert user.startswith("perf-")
    assert len(user) == len("perf-") + 12
    assert config == {
        "user_id": user,
        "channel_type": "webhook",
        "config_data": {"webhook_url": "http://sink/hook"},
    }
    assert load.calls[2] == (
        "POST",
        "/api/notifications/send",
        {
            "user_id": user,
            "channels": ["webhook"],
            "custom_content": {"content": "Measurement {number}"},
        },
    )


@pytest.mark.parametrize(
    ("statuses", "why", "said"),
    [
        ({200: 2, 500: 2}, "", "2 requests failed. 'notifyctl diagnose --stack dev' looks"),
        ({200: 1, 429: 3}, "", "3 requests failed, 3 of them by the service's rate limit (429)."),
        ({0: 1}, "ECONNREFUSED", "1 request failed. 'notifyctl diagnose"),
    ],
)
def test_a_failed_request_is_said_with_what_to_do(
    commands: Commands, statuses: dict[int, int], why: str, said: str
) -> None:
    loaded(commands, WELL, Measured("logs", statuses, [1.0], 1.0, why=why))
    result = commands.run("perf", "--stack", "dev", "-n", "4")
    assert said in failed_with(result, VerificationFailed)
    assert getattr(result.exception, "check", None) == "performance"
    if why:
        assert "1 of 4 failed: ECONNREFUSED" in result.stderr


# report


class Reported:
    """A report that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def make(self, context: Any, period: Period, *, clean: bool) -> Reported:
        self.asked = [period, clean]
        return self

    def markdown(self) -> str:
        return "# Report\n"

    def document(self) -> dict[str, str]:
        return {"report": "whole"}


@pytest.mark.parametrize("period", list(Period))
def test_a_report_is_printed_or_written(commands: Commands, period: Period, tmp_path: Path) -> None:
    made = Reported()
    commands.replace("report", OperationReport=made)
    assert commands.run("report", period.value).stdout == "# Report\n\n"
    assert made.asked == [period, False]
    assert document(commands.run("report", period.value, "--json")) == {"report": "whole"}
    file = tmp_path / "report.md"
    said = commands.run("report", period.value, "-o", str(file)).stdout
    assert (said, file.read_text()) == (f"Report written to {file}\n", "# Report\n")
    file.unlink()
    result = commands.run("report", period.value, "-o", str(file), "--json")
    assert document(result) == {"report": "whole"}
    assert file.read_text() == "# Report\n"
    if period is not Period.DAILY:
        commands.run("report", period.value, "--clean")
        assert made.asked == [period, True]


# deployments


class Deployments:
    """Two deployments, the newer one a canary."""

    worker = "notification"

    def __init__(self) -> None:
        shares = {"v-new": 12.5, "v-old": 87.5}
        self.deployments = [
            self._one("d2", shares, True, "ada"),
            self._one("d1", {"v-old": 100}, False, ""),
        ]

    def _one(self, name: str, shares: dict[str, float], active: bool, author: str) -> Any:
        told = {
            "id": name, "created": "2026-11-22T12:00:00Z", "author": author, "source": "api",
            "message": "go", "active": active,
        }  # fmt: skip
        return SimpleNamespace(
            id=name, created="2026-11-22T12:00:00Z", shares=shares, is_active=active,
            author=author, source="api", message="go", document=lambda: told,
        )  # fmt: skip

    def find(self, name: str) -> Any:
        return next(one for one in self.deployments if one.id == name)

    def version(self, name: str) -> dict[str, Any]:
        return {"version_id": name, "created": "earlier", "bindings": {"DB": "d1"}}


@pytest.fixture
def deployed(commands: Commands) -> Commands:
    found = Deployments()
    commands.replace("deployments", DeploymentList=SimpleNamespace(of_stack=lambda _: found))
    return commands


def test_deployments_are_a_table(deployed: Commands) -> None:
    time = "2026-11-22T12:00:00Z"
    assert rows(deployed.run("deployments", "list"))[1:] == [
        ["d2", time, "v-new", "12.5", "%,", "v-old", "87.5", "%", "yes", "ada", "go"],
        ["d1", time, "v-old", "100", "%", "api", "go"],
    ]
    found = document(deployed.run("deployments", "list", "--json", "-n", "1"))
    assert [one["id"] for one in found] == ["d2"]


def test_one_deployment_is_shown_with_its_versions(deployed: Commands) -> None:
    assert deployed.run("deployments", "show", "d1").stdout.splitlines() == [
        "id          d1",
        "worker      notification",
        "created     2026-11-22T12:00:00Z",
        "author      ",
        "source      api",
        "message     go",
        "active      False",
        "version     v-old 100 %",
        "  created   earlier",
        "  binding   DB (d1)",
    ]
    found = document(deployed.run("deployments", "active", "--json"))
    assert (found["id"], found["worker"]) == ("d2", "notification")
    assert [(one["version_id"], one["percentage"]) for one in found["versions"]] == [
        ("v-new", 12.5),
        ("v-old", 87.5),
    ]


# outputs of the local cloud


def test_the_local_clouds_values_are_told_whole_or_one_by_one(commands: Commands) -> None:
    commands.replace(
        "local",
        open_project=lambda _: None,
        local_cloud_status=lambda _: {"state": "ready", "sink_url": "http://sink"},
    )
    for arguments, said in (
        ((), "state        ready\nsink_url     http://sink\n"),
        (("sink_url",), "http://sink\n"),
        (("sink_url", "--json"), '"http://sink"\n'),
    ):
        assert commands.run("local", "status", *arguments).stdout == said
    assert document(commands.run("local", "status", "--json"))["state"] == "ready"
    refused = failed_with(commands.run("local", "status", "url"), UsageError)
    assert refused == "There is no 'url' while the local cloud is ready: state, sink_url."


def test_faults_are_added_listed_and_lifted(commands: Commands) -> None:
    faults = [{"id": 7, "fault": "d1 query 500", "met": 2}]
    commands.replace(
        "local",
        open_project=lambda _: None,
        add_fault=lambda _, text: {"id": 7, "fault": text},
        list_faults=lambda _: faults,
        clear_faults=lambda _, identifier: 3 if identifier is None else identifier,
    )
    assert commands.run("local", "fault", "add", "kv 429").stdout == "fault 7: kv 429\n"
    assert commands.run("local", "fault", "list").stdout == "  7  d1 query 500  (2 met it)\n"
    assert document(commands.run("local", "fault", "list", "--json")) == faults
    assert commands.run("local", "fault", "clear").stdout == "3 lifted\n"
    assert commands.run("local", "fault", "clear", "1").stdout == "1 lifted\n"
    faults.clear()
    assert commands.run("local", "fault", "list").stdout == "no faults\n"


# tail


def test_a_stack_without_a_worker_has_nothing_to_follow(commands: Commands) -> None:
    driver = SimpleNamespace(outputs=lambda **_: {"worker_name": None})
    commands.replace("tail", choose_driver=lambda _: driver)
    said = failed_with(commands.run("tail"), StackFailed)
    assert said == "The stack 'local' has no Worker yet. Run 'notifyctl up --stack local'."


def tailed(tmp_path: Path) -> str:
    file = tmp_path / "lines.ndjson"
    file.write_text(LINES + "\n")
    return str(file)


def test_saved_lines_are_shown_and_counted(commands: Commands, tmp_path: Path) -> None:
    result = commands.run("tail", "--file", tailed(tmp_path))
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == "3 lines\n"


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--limit", "2"), 2),
        (("--limit", "0"), 3),
        (("--limit", "1"), 1),
        (("--level", "error"), 1),
        (("--path", "/api/a"), 2),
        (("--text", "BROKE"), 1),
        (("--user", "ada"), 0),
        (("--status", "404"), 0),
        (("--request-id", "r1"), 0),
        (("--seconds", "60"), 3),
    ],
)
def test_a_line_has_to_meet_the_conditions(
    commands: Commands, tmp_path: Path, options: tuple[str, ...], count: int
) -> None:
    result = commands.run("tail", "--file", tailed(tmp_path), "--json", *options)
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == count
    assert result.stderr == ("1 line\n" if count == 1 else f"{count} lines\n")


def test_following_ends_after_its_seconds(commands: Commands, tmp_path: Path) -> None:
    ticks = iter([100.0, 104.9, 105.0])
    commands.replace("tail", time=SimpleNamespace(monotonic=lambda: next(ticks)))
    result = commands.run("tail", "--file", tailed(tmp_path), "--seconds", "5")
    assert result.stderr == "1 line\n"


def test_following_ends_with_ctrl_c(commands: Commands) -> None:
    closed = []

    def lines(_: Any) -> Any:
        try:
            yield None
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    commands.replace("tail", _followed=lines)
    result = commands.run("tail")
    assert (result.exit_code, result.stderr) == (0, "0 lines\n")
    assert closed == [True]


# refresh, doctor


def test_a_refresh_says_what_it_changed(commands: Commands) -> None:
    done = SimpleNamespace(changes={"same": 3, "update": 1}, changed=1)
    commands.replace("refresh", Deployment=lambda _: SimpleNamespace(refresh=lambda: done))
    assert commands.run("refresh", "--stack", "local").stdout == ""
    assert document(commands.run("refresh", "-s", "local", "--json")) == {
        "changes": {"same": 3, "update": 1},
        "changed": 1,
    }


@pytest.mark.parametrize("verdict", [None, ServiceError("no answer")])
def test_doctor_ends_with_its_verdict(commands: Commands, verdict: Exception | None) -> None:
    asked: dict[str, bool] = {}
    looked = SimpleNamespace(
        run=lambda **how: asked.update(how),
        verdict=lambda: verdict,
        checks=SimpleNamespace(document=lambda: {"checks": []}),
    )
    commands.replace("doctor", Doctor=lambda _: looked)
    result = commands.run("doctor")
    assert (result.stdout, result.exception) == ("", verdict)
    assert asked == {"signature": False}
    assert document(commands.run("doctor", "--json", "--signature")) == {
        "stack": "local",
        "checks": [],
    }
    assert asked == {"signature": True}
