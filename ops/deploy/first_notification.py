"""Sends a real notification through a freshly deployed service and sees it arrive."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from ops.stacks.console import Reporter
from ops.stacks.errors import VerificationFailed, reading
from ops.stacks.notification import Notification
from ops.stacks.service import ServiceClient
from ops.stacks.sink import PATIENCE, has_arrived

USER = "first-notification"


class FirstNotification:
    """A notification to the local cloud's webhook sink.

    Args:
        service: a signed client of the service.
        sink_url: the sink's URL without a path.
        reporter: where the step is shown.
        now: monotonic seconds.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        service: ServiceClient,
        *,
        sink_url: str,
        reporter: Reporter,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._sink_url = sink_url
        self._reporter = reporter
        self._now = now
        self._sleep = sleep

    def run(self) -> str:
        """Send, wait for the arrival, and return the message id.

        Raises:
            VerificationFailed: it was refused or didn't arrive.
        """
        with self._reporter.step("A first notification arrives at the sink") as step:
            answer = Notification(
                user=USER,
                channels=("webhook",),
                subject="Deployed",
                message="This notification went through the service that was just deployed.",
                url=f"{self._sink_url}/hook/{USER}",
                idempotency_key=f"{USER}-{secrets.token_hex(8)}",
            ).send(self._service)
            strange = VerificationFailed(
                "The first notification was answered in an unknown form. "
                "'notifyctl logs' shows whether it was sent."
            )
            with reading(strange):
                result = answer["results"][0]
                status, reason = result["status"], result.get("error", "no reason given")
                message_id = str(result["messageId"]) if status == "sent" else ""
            if status != "sent":
                raise VerificationFailed(
                    f"The first notification is '{status}' instead of 'sent': {reason}. "
                    "'notifyctl logs' shows its row."
                )
            self._await_arrival(message_id)
            step.detail = message_id
        return message_id

    def _await_arrival(self, message_id: str) -> None:
        path = f"/hook/{USER}"
        if not has_arrived(self._sink_url, path, message_id, now=self._now, sleep=self._sleep):
            raise VerificationFailed(
                f"The service says that {message_id} was sent, and the sink at "
                f"{self._sink_url} hasn't seen it after {PATIENCE:.0f} s."
            )
