"""Which checks a release gets, and what its callers' answers come to."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy import release_checks as module
from ops.deploy.release_checks import ReleaseChecks
from ops.deploy.verification import CheckResult
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError, VerificationFailed
from tests.ops.contexts import context_of

OUTPUTS: dict[str, Any] = {
    "service_url": "http://service",
    "api_secret_key": "key",
    "version_id": "v2",
    "worker_name": "notify",
    "releases": [
        {"version_id": "v2", "assets_sha256": "assets of 2"},
        {"version_id": "v1", "assets_sha256": "assets of 1"},
        {"version_id": "v0"},
    ],
}


class World:
    """Every check, which notes how it is made."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.root = root
        self.made: dict[str, Any] = {}
        self.services: list[Any] = []
        self.metrics: Any = SimpleNamespace(
            problem="", of_version=lambda _: (0, 0), failures=lambda: [SimpleNamespace(said="500")]
        )
        self.account: Any = "account"
        put = patch.setattr
        put(module, "ServiceClient", self._service)
        put(module, "Verification", self._part("verification", ["health"]))
        put(module, "AssetCheck", self._part("assets", "assets"))
        put(module, "IntegrationSet", self._part("integration", ["send"]))
        put(module, "StackAccount", SimpleNamespace(of=self._account))
        put(module, "CallerMetrics", SimpleNamespace(read=self._read))

    def _service(self, *given: str) -> Any:
        self.services.append(given)
        return nullcontext(given)

    def _part(self, name: str, found: Any) -> Any:
        def made(*given: Any, **named: Any) -> Any:
            def run(*more: Any) -> Any:
                self.made[name] = (given, {k: v for k, v in named.items() if k != "reporter"}, more)
                return found

            return SimpleNamespace(run=run)

        return made

    def _account(self, _: Any) -> Any:
        if isinstance(self.account, Exception):
            raise self.account
        return self.account

    def _read(self, account: Any, worker: str, *, seconds: int) -> Any:
        self.made["callers"] = (account, worker, seconds)
        return self.metrics

    def run(
        self,
        *,
        environment: str = "staging",
        declared: bool = False,
        local: bool = False,
        outputs: Any = None,
        **options: Any,
    ) -> list[Any]:
        url = "http://127.0.0.1:9/client/v4" if local else "https://api.cloudflare.com/client/v4"
        (self.root / "Pulumi.x.yaml").write_text(
            "config:\n"
            f"  notification-system:environment: {environment}\n"
            f"  notification-system:maintenanceMode: {str(declared).lower()}\n"
            f"  cloudflare:baseUrl: {url}\n"
        )
        context = context_of(self.root, "x", environment={"A": "b"})
        return ReleaseChecks(context, sink_url="http://sink").run(outputs or OUTPUTS, **options)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_a_release_is_verified_with_its_console(world: World) -> None:
    assert world.run() == ["health", "assets"]
    assert world.services == [("http://service", "key"), ("http://service",)]
    given, named, _ = world.made["verification"]
    assert given == (("http://service", "key"), ("http://service",))
    assert named == {"version_id": "v2", "pause": 10.0, "maintenance": False}
    assert world.made["assets"][2] == ("assets of 2",)
    assert "callers" not in world.made


@pytest.mark.parametrize(
    ("serving", "version", "expected", "assets"),
    [
        ("v1", None, "v1", "assets of 1"),
        ("v1", "v2", "v2", "assets of 2"),
        ("", None, "v2", "assets of 2"),
        ("v0", None, "v0", ""),
        ("v9", None, "v9", ""),
    ],
)
def test_the_version_that_serves_is_meant_unless_one_is_named(
    world: World, serving: str, version: str | None, expected: str, assets: str
) -> None:
    world.run(outputs={**OUTPUTS, "serving_version_id": serving}, version=version)
    assert world.made["verification"][1]["version_id"] == expected
    assert world.made["assets"][2] == (assets,)


@pytest.mark.parametrize(
    ("declared", "given", "closed"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_during_maintenance_the_console_is_closed_and_nothing_is_sent(
    world: World, declared: bool, given: bool | None, closed: bool
) -> None:
    found = world.run(declared=declared, maintenance=given, integration=True, pause=0.0)
    assert world.made["verification"][1]["pause"] == 0.0
    assert world.made["verification"][1]["maintenance"] is closed
    assert ("integration" in world.made) is not closed
    if closed:
        told = CheckResult("assets", None, "the console is closed during maintenance")
        assert found == ["health", told]


@pytest.mark.parametrize(
    ("environment", "local", "asked", "made"),
    [
        ("staging", False, None, False),
        ("production", False, None, True),
        ("development", True, None, True),
        ("production", False, False, False),
        ("staging", False, True, True),
    ],
)
def test_a_notification_is_really_sent_in_production_and_on_this_machine(
    world: World, environment: str, local: bool, asked: bool | None, made: bool
) -> None:
    found = world.run(environment=environment, local=local, integration=asked)
    assert found == ["health", "assets", *(["send"] if made else [])]
    if made:
        assert world.made["integration"][1] == {
            "sink_url": "http://sink",
            "environment": {"A": "b"},
        }


@pytest.mark.parametrize(
    ("requests", "failed", "is_bad"),
    [
        (0, 0, False),
        (1_000, 4, False),
        (10, 4, False),
        (10, 5, True),
        (500, 5, False),
        (499, 5, True),
    ],
)
def test_a_version_is_judged_by_what_its_callers_were_answered(
    world: World, requests: int, failed: int, is_bad: bool
) -> None:
    world.metrics.of_version = lambda version: (requests, failed) if version == "v2" else None
    if is_bad:
        with pytest.raises(VerificationFailed, match="'callers' failed") as caught:
            world.run(callers=60)
        assert caught.value.check == "callers"
        assert f"{failed} of {requests:,} requests failed in 60 s: 500." in str(caught.value)
        assert "notifyctl diagnose --stack x" in str(caught.value)
    else:
        said = f"{failed} of {requests:,} requests failed in 60 s"
        assert world.run(callers=60)[-1] == CheckResult("callers", True, said)
    assert world.made["callers"] == ("account", "notify", 60)


def test_answers_that_nobody_tells_are_no_failure_and_a_line_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(Reporter, "line", lambda _, text, **__: lines.append(text))
    assert world.run(callers=60)[-1].passed
    assert lines == []
    world.metrics.problem = "The token may not read them."
    unread = CheckResult("callers", None, "The token may not read them.")
    assert world.run(callers=60)[-1] == unread
    world.account = UsageError("There is no token.")
    assert world.run(callers=60)[-1] == CheckResult("callers", None, "There is no token.")
    assert lines == [
        "- What callers were answered: skipped, The token may not read them.",
        "- What callers were answered: skipped, There is no token.",
    ]
