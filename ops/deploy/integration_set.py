"""Uses a deployed service as its clients do: configuration, template, a real send, the log."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.deploy.verification import WAY_BACK, CheckResult
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, VerificationFailed
from ops.stacks.service import ServiceClient
from ops.stacks.sink import PATIENCE, has_arrived

LARK_VARIABLE = "LARK_WEBHOOK_URL"
LARK_SECRET_VARIABLE = "LARK_WEBHOOK_SECRET"  # noqa: S105 - the variable's name, not a secret


@dataclass(frozen=True)
class Endpoint:
    """Where the real send goes.

    Attributes:
        channel: ``lark`` or ``webhook``.
        config: the channel's configuration.
        sink_url: the local cloud's sink, which tells what arrived; ``None`` elsewhere.
    """

    channel: str
    config: Mapping[str, str]
    sink_url: str | None = None

    @classmethod
    def find(
        cls, user: str, environment: Mapping[str, str], *, sink_url: str | None
    ) -> Endpoint | None:
        """Return the sink's on a local stack, else Lark's where the environment names it."""
        if sink_url is not None:
            return cls("webhook", {"webhook_url": f"{sink_url}/hook/{user}"}, sink_url)
        url = environment.get(LARK_VARIABLE, "").strip()
        if not url:
            return None
        config = {"webhook_url": url}
        if secret := environment.get(LARK_SECRET_VARIABLE, "").strip():
            config["secret"] = secret
        return cls("lark", config)


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
                if self._endpoint is None and name in {"config", "send", "logs"}:
                    why = f"no endpoint to send to: set {LARK_VARIABLE}"
                    self._reporter.line(f"- {title}: skipped, {why}", style="yellow")
                    results.append(CheckResult(name, None, why))
                    continue
                with self._reporter.step(title) as step:
                    step.detail = self._named(name, check)
                results.append(CheckResult(name, True, step.detail))
        finally:
            self._clean_up()
        return results

    def _named(self, name: str, check: Callable[[], str]) -> str:
        try:
            return check()
        except (ServiceError, KeyError, TypeError, IndexError) as error:
            told = str(error) if isinstance(error, ServiceError) else "the answer lacks a field."
            raise VerificationFailed(
                f"The check '{name}' failed: {told} {WAY_BACK}", check=name
            ) from None
        except _Unexpected as error:
            raise VerificationFailed(
                f"The check '{name}' failed: {error}. {WAY_BACK}", check=name
            ) from None

    def _endpoints(self) -> str:
        paths = ("/openapi.json", "/api/templates", "/api/notification-logs", "/api/queue/status")
        for path in paths:
            self._service.result("GET", path)
        return f"{len(paths)} answered"

    def _config(self) -> str:
        endpoint = self._with_endpoint()
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
        channel = self._endpoint.channel if self._endpoint else "webhook"
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
            raise _Unexpected("the template was rendered to something else than it says")
        return self._user

    def _send(self) -> str:
        endpoint = self._with_endpoint()
        answer = self._service.result(
            "POST",
            "/api/notifications/send",
            body={
                "user_id": self._user,
                "channels": [endpoint.channel],
                "template_key": self._user,
                "variables": {"what": "a real send"},
            },
        )
        result = answer["results"][0]
        if result["status"] != "sent":
            raise _Unexpected(f"it is '{result['status']}': {result.get('error', 'no reason')}")
        self._message_id = str(result["messageId"])
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
        if [(row["message_id"], row["status"]) for row in rows] != [(self._message_id, "sent")]:
            raise _Unexpected("the log doesn't list the notification that was sent, as sent")
        return "1 row"

    def _with_endpoint(self) -> Endpoint:
        if self._endpoint is None:
            raise _Unexpected("there is no endpoint to send to")
        return self._endpoint

    def _clean_up(self) -> None:
        """Remove what was made; a service that is broken may not let it, and that says less."""
        calls = [f"/api/templates/{self._user}"]
        if self._endpoint is not None:
            calls.append(f"/api/users/{self._user}/configs/{self._endpoint.channel}")
        for path in calls:
            try:
                self._service.call("DELETE", path)
            except ServiceError:
                return


class _Unexpected(Exception):
    """The service answered, and not what it should."""
