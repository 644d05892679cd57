"""Uses a deployed service as its clients do: configuration, template, a real send, the log."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.deploy.verification import CheckResult, answering, check_failed
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, reading
from ops.stacks.service import ServiceClient
from ops.stacks.sink import PATIENCE, has_arrived

LARK_VARIABLE = "LARK_WEBHOOK_URL"
LARK_SECRET_VARIABLE = "LARK_WEBHOOK_SECRET"  # noqa: S105 - the variable's name, not a secret
NOWHERE = "https://notification-verification.example.com/"
"""A host that nobody can ever have (RFC 2606, section 3): a send there is accepted, written, tried
and settled like any other, and reaches nobody."""


@dataclass(frozen=True)
class Endpoint:
    """Where the real send goes.

    Attributes:
        channel: ``lark`` or ``webhook``.
        config: the channel's configuration.
        sink_url: the local cloud's sink, which tells what arrived; ``None`` elsewhere.
        is_nowhere: whether nobody is there, so that the notification is cancelled after its
            first attempt.
    """

    channel: str
    config: Mapping[str, str]
    sink_url: str | None = None
    is_nowhere: bool = False

    @classmethod
    def find(cls, user: str, environment: Mapping[str, str], *, sink_url: str | None) -> Endpoint:
        """Return the sink's on a local stack, else Lark's where it is named, else nobody's."""
        if sink_url is not None:
            return cls("webhook", {"webhook_url": f"{sink_url}/hook/{user}"}, sink_url)
        url = environment.get(LARK_VARIABLE, "").strip()
        if not url:
            return cls("webhook", {"webhook_url": NOWHERE}, is_nowhere=True)
        config = {"webhook_url": url}
        if secret := environment.get(LARK_SECRET_VARIABLE, "").strip():
            config["secret"] = secret
        return cls("lark", config)


_UNDELIVERED = frozenset({"retry_scheduled", "failed"})
_LOGGED = {
    "sent": ("sent",),
    # Meanwhile the first retry may have been made.
    "retry_scheduled": ("retry", "retry_scheduled", "pending", "failed"),
    "failed": ("failed",),
}
"""How the log may show what a send was answered with."""


class IntegrationSet:
    """Five areas, in order; what was made is removed afterwards, whatever happened.

    Args:
        service: a client that signs.
        sink_url: the local cloud's sink; ``None`` on a stack of a real account.
        reporter: where the steps are shown.
        environment: environment variables, which may name the endpoint of the send.
        now: monotonic seconds.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        service: ServiceClient,
        *,
        sink_url: str | None,
        reporter: Reporter,
        environment: Mapping[str, str],
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._reporter = reporter
        self._now = now
        self._sleep = sleep
        self._user = f"verify-{secrets.token_hex(6)}"
        self._endpoint = Endpoint.find(self._user, environment, sink_url=sink_url)
        self._is_refused = False
        self._log_id = 0
        self._status = ""

    def run(self) -> list[CheckResult]:
        """Run every area and return what was found.

        Raises:
            VerificationFailed: with the area that failed and what was seen.
        """
        results = []
        areas: dict[str, tuple[str, Callable[[], str]]] = {
            "endpoints": ("The API's documents and lists answer", self._endpoints),
            "config": ("A user's configuration is saved and read", self._config),
            "template": ("A template is created and rendered", self._template),
            "send": ("A notification is sent and arrives", self._send),
            "logs": ("The log knows it", self._logs),
        }
        try:
            for name, (title, check) in areas.items():
                if self._is_refused:
                    results.append(self._skipped(name, title))
                    continue
                with self._reporter.step(title) as step:
                    step.detail = self._named(name, check)
                results.append(
                    CheckResult(name, True, step.detail)
                    if not self._is_refused
                    else self._skipped(name, title)
                )
        finally:
            self._clean_up()
        return results

    def _skipped(self, name: str, title: str) -> CheckResult:
        why = f"webhooks are switched off: set {LARK_VARIABLE} for a send"
        self._reporter.line(f"- {title}: skipped, {why}", style="yellow")
        return CheckResult(name, None, why)

    def _named(self, name: str, check: Callable[[], str]) -> str:
        strange = check_failed(name, "the answer has an unknown form.")
        try:
            with reading(strange), answering(name):
                return check()
        except _Unexpected as error:
            raise check_failed(name, f"{error}.") from None

    def _endpoints(self) -> str:
        paths = ("/openapi.json", "/api/templates", "/api/notification-logs", "/api/queue/status")
        for path in paths:
            self._service.result("GET", path)
        return f"{len(paths)} answered"

    def _config(self) -> str:
        endpoint = self._endpoint
        self._service.result(
            "POST",
            "/api/user-configs",
            body={
                "user_id": self._user,
                "channel_type": endpoint.channel,
                "config_data": dict(endpoint.config),
            },
        )
        found = self._service.result("GET", "/api/user-configs", query={"user_id": self._user})
        if endpoint.channel not in str(found["data"]):
            raise _Unexpected("the configuration that was saved isn't listed")
        return endpoint.channel

    def _template(self) -> str:
        channel = self._endpoint.channel
        self._service.result(
            "POST",
            f"/api/templates/{self._user}",
            body={
                "name": "Verification",
                "variables": ["what"],
                "contents": {channel: {"content_template": "Verified: {{what}}"}},
            },
        )
        shown = self._service.result(
            "POST", f"/api/templates/{self._user}/preview", body={"variables": {"what": "x1"}}
        )
        if shown["data"][channel]["content"] != "Verified: x1":
            raise _Unexpected("the template was rendered with another text")
        return self._user

    def _send(self) -> str:
        endpoint = self._endpoint
        body = {
            "user_id": self._user,
            "channels": [endpoint.channel],
            "template_key": self._user,
            "variables": {"what": "a real send"},
        }
        try:
            answer = self._service.result("POST", "/api/notifications/send", body=body)
        except ServiceError as error:
            # Only a stack that has switched webhooks off, and names no other endpoint.
            if not endpoint.is_nowhere or error.code != "INVALID_CHANNEL_TYPE":
                raise
            self._is_refused = True
            return "refused"
        result = answer["results"][0]
        self._status, self._log_id = str(result["status"]), int(result.get("logId") or 0)
        wanted = _UNDELIVERED if endpoint.is_nowhere else {"sent"}
        if self._status not in wanted:
            raise _Unexpected(f"it is '{self._status}': {result.get('error', 'no reason')}")
        self._message_id = str(result["messageId"])
        if endpoint.is_nowhere:
            return f"accepted, tried and finished; {LARK_VARIABLE} names where it should arrive"
        if endpoint.sink_url is not None:
            self._await_arrival(endpoint.sink_url)
        return self._message_id

    def _await_arrival(self, sink_url: str) -> None:
        path, text = f"/hook/{self._user}", "Verified: a real send"
        if not has_arrived(sink_url, path, text, now=self._now, sleep=self._sleep):
            raise _Unexpected(f"it is 'sent', and hasn't arrived after {PATIENCE:.0f} s")

    def _logs(self) -> str:
        found = self._service.result(
            "GET", "/api/notification-logs", query={"user_id": self._user, "limit": "10"}
        )
        rows = found["data"]["logs"]
        listed = [(row["message_id"], row["status"]) for row in rows]
        if listed not in [[(self._message_id, status)] for status in _LOGGED[self._status]]:
            raise _Unexpected(
                f"the log doesn't list the notification that was sent as {self._status}"
            )
        return "1 row"

    def _clean_up(self) -> None:
        """Remove what was made; a service that is broken may not let it, and that says less."""
        calls: list[tuple[str, str, Any]] = []
        if self._endpoint.is_nowhere and self._log_id:
            # Before the configuration goes: a retry that doesn't find it would be a failure.
            ids = {"taskIds": [self._log_id]}
            waiting = {**ids, "markAsFailed": False}
            calls += [
                ("POST", "/api/queue/clear-retries", waiting),
                ("POST", "/api/queue/discard-failed", ids),
            ]
        channel = self._endpoint.channel
        calls += [
            ("DELETE", f"/api/templates/{self._user}", None),
            ("DELETE", f"/api/users/{self._user}/configs/{channel}", None),
        ]
        for method, path, body in calls:
            try:
                self._service.call(method, path, **({} if body is None else {"body": body}))
            except ServiceError:
                return


class _Unexpected(Exception):
    """The service answered, and not what it should."""
