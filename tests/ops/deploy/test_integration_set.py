"""When a deployment uses the service as its clients do, and where it sends to then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.deploy import release_checks
from ops.deploy.deployment import Deployment
from ops.deploy.integration_set import NOWHERE, Endpoint, IntegrationSet
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, VerificationFailed
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
        monkeypatch.setattr(release_checks, name, type(name, (Recorded,), {"ran": ran}))
    monkeypatch.setattr(release_checks, "console_path", lambda *_: "/console")
    (tmp_path / "Pulumi.some.yaml").write_text(
        f"config:\n  notification-system:environment: {environment}\n"
    )

    Deployment(context_of(tmp_path, "some")).checks().run(OUTPUTS, integration=None)

    assert ran == ["Verification", "AssetCheck"] + ["IntegrationSet"] * is_made


@pytest.mark.requirement("S0-104")
def test_the_target_is_the_sink_here_and_elsewhere_the_one_that_the_environment_names() -> None:
    nowhere = Endpoint.find("ann", {}, sink_url=None)
    assert nowhere == Endpoint("webhook", {"webhook_url": NOWHERE}, is_nowhere=True)
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
    """A service that answers a send as it is told, and remembers the calls.

    Args:
        status: what the send is answered with.
        logged: how the log lists it.
        refusal: the send's error code, in place of an answer.
    """

    def __init__(self, status: str, logged: str = "", refusal: str = "") -> None:
        self._status, self._logged, self._refusal = status, logged or status, refusal
        self.calls: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, body: Any = None, **_: Any) -> httpx.Response:
        self.calls.append((method, path, body))
        return httpx.Response(200)

    def result(self, method: str, path: str, body: Any = None, **_: Any) -> Any:
        self.call(method, path, body)
        if path == "/api/notifications/send":
            if self._refusal:
                raise ServiceError("refused", status=400, code=self._refusal)
            sent = {"status": self._status, "messageId": "m1", "logId": 7, "error": "no host"}
            return {"results": [sent]}
        row = {"message_id": "m1", "status": self._logged}
        return {"data": {"webhook": {"content": "Verified: x1"}, "logs": [row]}}


def used(service: Service) -> dict[str, dict[str, Any]]:
    results = IntegrationSet(
        service,  # type: ignore[arg-type]  # its two methods
        sink_url=None,
        reporter=Reporter(quiet=True),
        environment={},
    ).run()
    return {result.document()["check"]: result.document() for result in results}


@pytest.mark.requirement("S0-103", "S0-104")
@pytest.mark.parametrize(
    ("status", "logged"),
    [("retry_scheduled", "retry"), ("retry_scheduled", "failed"), ("failed", "failed")],
)
def test_without_a_target_a_send_to_nobody_shows_that_sends_are_accepted_and_settled(
    status: str, logged: str
) -> None:
    service = Service(status, logged)

    told = used(service)

    assert {check: each["result"] for check, each in told.items()} == dict.fromkeys(
        ("endpoints", "config", "template", "send", "logs"), "passed"
    )
    assert "LARK_WEBHOOK_URL names where it should arrive" in str(told["send"])
    # It is cancelled before its configuration goes: else its next retry would be a failure.
    paths = [path.rpartition("/verify-")[0] or path for _, path, _ in service.calls[-4:]]
    assert paths == [
        *("/api/queue/clear-retries", "/api/queue/discard-failed"),
        *("/api/templates", "/api/users"),
    ]
    assert service.calls[-4][2] == {"taskIds": [7], "markAsFailed": False}
    assert service.calls[-3][2] == {"taskIds": [7]}


@pytest.mark.parametrize("status", ["sent", "pending", "skipped"])
def test_a_send_to_nobody_that_isnt_settled_as_it_must_be_is_a_failed_check(status: str) -> None:
    with pytest.raises(VerificationFailed, match=f"'send' failed: it is '{status}'") as failed:
        used(Service(status))
    assert failed.value.check == "send"


def test_a_send_that_the_log_lists_otherwise_is_a_failed_check() -> None:
    with pytest.raises(VerificationFailed, match="doesn't list the notification") as failed:
        used(Service("retry_scheduled", "sent"))
    assert failed.value.check == "logs"


def test_a_refused_send_fails_and_a_stack_without_webhooks_leaves_the_check_out() -> None:
    with pytest.raises(VerificationFailed, match="'send' failed: refused"):
        used(Service("sent", refusal="DB_ERROR"))
    service = Service("sent", refusal="INVALID_CHANNEL_TYPE")
    told = used(service)
    assert (told["send"]["result"], told["logs"]["result"]) == ("skipped", "skipped")
    assert "webhooks are switched off: set LARK_WEBHOOK_URL" in str(told["send"])
    assert not [path for _, path, _ in service.calls if "queue/c" in path]
    [removed] = [
        path for method, path, _ in service.calls if "templates/" in path and method == "DELETE"
    ]
    assert removed.startswith("/api/templates/verify-")
