"""When a deployment uses the service as its clients do, and where it sends to then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.deploy import deployment
from ops.deploy.deployment import Deployment
from ops.deploy.integration_set import Endpoint, IntegrationSet
from ops.stacks.console import Reporter
from tests.ops.contexts import context_of

OUTPUTS = {"service_url": "https://n.example", "api_secret_key": "k", "version_id": "v1"}
LARK = "https://open.larksuite.com/open-apis/bot/v2/hook/x"


class Recorded:
    """Stands for a part of the verification: notes that it was run."""

    ran: list[str]

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def run(self, *_: Any) -> Any:
        self.ran.append(type(self).__name__)
        return [] if type(self).__name__ != "AssetCheck" else "files"


@pytest.mark.requirement("S0-40", "S0-102")
@pytest.mark.parametrize(
    ("environment", "is_made"), [("production", True), ("staging", False), ("development", False)]
)
def test_of_an_accounts_stacks_only_productions_is_used_as_by_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str, is_made: bool
) -> None:
    ran: list[str] = []
    for name in ("Verification", "AssetCheck", "IntegrationSet"):
        monkeypatch.setattr(deployment, name, type(name, (Recorded,), {"ran": ran}))
    monkeypatch.setattr(deployment, "console_path", lambda *_: "/console")
    (tmp_path / "Pulumi.some.yaml").write_text(
        f"config:\n  notification-system:environment: {environment}\n"
    )

    Deployment(context_of(tmp_path, "some")).verify(OUTPUTS, integration=None)

    assert ran == ["Verification", "AssetCheck"] + ["IntegrationSet"] * is_made


@pytest.mark.requirement("S0-104")
def test_the_target_is_the_sink_here_and_elsewhere_the_one_that_the_environment_names() -> None:
    assert Endpoint.find("ann", {}, sink_url=None) is None
    named = {"LARK_WEBHOOK_URL": f" {LARK}\n"}
    assert Endpoint.find("ann", named, sink_url=None) == Endpoint("lark", {"webhook_url": LARK})
    named["LARK_WEBHOOK_SECRET"] = "sign"
    signed = Endpoint("lark", {"webhook_url": LARK, "secret": "sign"})
    assert Endpoint.find("ann", named, sink_url=None) == signed
    # A stack on this machine sends nothing off it, whatever the environment says.
    here = Endpoint.find("ann", named, sink_url="http://127.0.0.1:9")
    assert here == Endpoint(
        "webhook", {"webhook_url": "http://127.0.0.1:9/hook/ann"}, "http://127.0.0.1:9"
    )


class Service:
    """A service that does what it is asked, and remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def call(self, method: str, path: str, **_: Any) -> httpx.Response:
        self.calls.append((method, path))
        return httpx.Response(200)

    def result(self, method: str, path: str, **_: Any) -> Any:
        self.call(method, path)
        return {"data": {"webhook": {"content": "Verified: x1"}}}


@pytest.mark.requirement("S0-103", "S0-104")
def test_without_a_target_what_needs_none_is_checked_and_the_rest_is_named() -> None:
    service: Any = Service()

    results = IntegrationSet(
        service, sink_url=None, reporter=Reporter(quiet=True), environment={}
    ).run()

    told = {result.document()["check"]: result.document() for result in results}
    assert [check for check, each in told.items() if each["result"] == "passed"] == [
        "endpoints",
        "template",
    ]
    for check in ("config", "send", "logs"):
        assert told[check]["result"] == "skipped"
        assert "set LARK_WEBHOOK_URL" in str(told[check])
    assert not [path for _, path in service.calls if "send" in path]
    [removed] = [path for method, path in service.calls if method == "DELETE"]
    assert removed.startswith("/api/templates/verify-")
