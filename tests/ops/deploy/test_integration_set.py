"""When a deployment uses the service as its clients do, and where it sends to then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.deploy import integration_set, release_checks
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

    @property
    def user(self) -> str:
        """The recipient, as the templates' path names it."""
        paths = [path.rpartition("/")[2] for method, path, _ in self.calls if method == "DELETE"]
        return next(name for name in paths if name.startswith("verify-"))

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


@pytest.mark.parametrize("has_arrived", [True, False])
def test_a_local_stack_is_used_call_by_call_and_the_send_has_to_arrive(
    monkeypatch: pytest.MonkeyPatch, has_arrived: bool
) -> None:
    looked: list[tuple[Any, ...]] = []

    def look(*where: Any, now: Any, sleep: Any) -> bool:
        looked.append(where)
        assert (now(), sleep(1)) == (5.0, None)
        return has_arrived

    monkeypatch.setattr(integration_set, "has_arrived", look)
    service = Service("sent")
    made = IntegrationSet(
        service,  # type: ignore[arg-type]  # its two methods
        sink_url="http://127.0.0.1:9",
        reporter=Reporter(quiet=True),
        environment={},
        now=lambda: 5.0,
        sleep=lambda _: None,
    )
    if not has_arrived:
        with pytest.raises(VerificationFailed, match="hasn't arrived after 15 s") as failed:
            made.run()
        assert failed.value.check == "send"
    else:
        assert [(one.name, one.detail) for one in made.run()] == [
            ("endpoints", "4 answered"),
            ("config", "webhook"),
            ("template", service.user),
            ("send", "m1"),
            ("logs", "1 row"),
        ]
    user = service.user
    assert looked == [("http://127.0.0.1:9", f"/hook/{user}", "Verified: a real send")]
    template = {
        "name": "Verification",
        "variables": ["what"],
        "contents": {"webhook": {"content_template": "Verified: {{what}}"}},
    }
    config = {
        "user_id": user,
        "channel_type": "webhook",
        "config_data": {"webhook_url": f"http://127.0.0.1:9/hook/{user}"},
    }
    send = {
        "user_id": user,
        "channels": ["webhook"],
        "template_key": user,
        "variables": {"what": "a real send"},
    }
    assert service.calls == [
        *[
            ("GET", path, None)
            for path in (
                *("/openapi.json", "/api/templates", "/api/notification-logs"),
                "/api/queue/status",
            )
        ],
        ("POST", "/api/user-configs", config),
        ("GET", "/api/user-configs", None),
        ("POST", f"/api/templates/{user}", template),
        ("POST", f"/api/templates/{user}/preview", {"variables": {"what": "x1"}}),
        ("POST", "/api/notifications/send", send),
        *([("GET", "/api/notification-logs", None)] if has_arrived else []),
        ("DELETE", f"/api/templates/{user}", None),
        ("DELETE", f"/api/users/{user}/configs/webhook", None),
    ]


@pytest.mark.parametrize(
    ("where", "answer", "check", "words"),
    [
        ("/api/user-configs", {"data": ["lark"]}, "config", "isn't listed"),
        ("preview", {"data": {"webhook": {"content": "Verified: x"}}}, "template", "another text"),
        ("preview", {"data": {"lark": {}}}, "template", "unknown form"),
        ("/api/notification-logs", {"data": {"logs": []}}, "logs", "that was sent as failed"),
        (
            "/api/notification-logs",
            {"data": {"logs": [{"message_id": "m2", "status": "failed"}]}},
            *("logs", "that was sent as failed"),
        ),
    ],
)
def test_an_answer_that_is_another_fails_the_check_of_its_area(
    where: str, answer: Any, check: str, words: str
) -> None:
    class Strange(Service):
        def result(self, method: str, path: str, body: Any = None, **_: Any) -> Any:
            usual = super().result(method, path, body)
            is_look = method == "GET" or path.endswith("preview")
            # The first look at the log is one of the endpoints that have to answer.
            is_first = path.endswith("logs") and len(self.calls) < 5
            return answer if path.endswith(where) and is_look and not is_first else usual

    service = Strange("failed")
    with pytest.raises(VerificationFailed, match=words) as failed:
        used(service)
    assert failed.value.check == check
    assert [method for method, *_ in service.calls[-2:]] == ["DELETE", "DELETE"]


def test_a_clean_up_that_is_refused_is_no_failure_and_ends() -> None:
    class Refusing(Service):
        def call(self, method: str, path: str, body: Any = None, **_: Any) -> httpx.Response:
            if method == "DELETE":
                self.calls.append((method, path, body))
                raise ServiceError("no")
            return super().call(method, path, body)

    service = Refusing("failed")
    assert used(service)["logs"]["result"] == "passed"
    assert [method for method, *_ in service.calls].count("DELETE") == 1
