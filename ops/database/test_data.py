"""Data to try a deployed service with: users, a template and, where there is a sink, sends."""

from __future__ import annotations

from dataclasses import dataclass

from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient

TEMPLATE = "sample-order"
_CONTENT = {
    "webhook": {
        "subject_template": "Order {{orderId}}",
        "content_template": "Order {{orderId}} of {{userName}} has shipped.",
    }
}


@dataclass(frozen=True)
class TestData:
    """Writes through the service's own API, so that configurations are encrypted as any other's.

    Repeating it changes nothing: names are fixed and each send has its idempotency key.

    Attributes:
        service: a signed client.
        endpoint: webhook URL of every user, without the last part of its path.
    """

    __test__ = False  # pytest: not a test class
    service: ServiceClient
    endpoint: str

    def write(self, *, users: int, sends: int) -> dict[str, int]:
        """Write ``users`` configurations, one template, and ``sends`` sends to each user.

        Raises:
            ServiceError: the service refused a call.
        """
        self.service.result(
            "POST",
            f"/api/templates/{TEMPLATE}",
            body={"name": "Sample order", "variables": ["orderId"], "contents": _CONTENT},
        )
        for user in self._users(users):
            config = {"webhook_url": f"{self.endpoint}/{user}"}
            self.service.result(
                "POST",
                "/api/user-configs",
                body={"user_id": user, "channel_type": "webhook", "config_data": config},
            )
        delivered = sum(
            self._send(user, order) for user in self._users(users) for order in range(1, sends + 1)
        )
        return {"users": users, "templates": 1, "sends": users * sends, "delivered": delivered}

    def _send(self, user: str, order: int) -> bool:
        body = {
            "user_id": user,
            "channels": ["webhook"],
            "template_key": TEMPLATE,
            "variables": {"orderId": order, "userName": user},
            "idempotency_key": f"sample-{user}-{order}",
        }
        answer = self.service.result("POST", "/api/notifications/send", body=body)
        results = answer.get("results")
        if not isinstance(results, list) or not results:
            raise ServiceError("The service answered a send without results.")
        with self.service.understood("POST /api/notifications/send"):
            return all(result.get("status") == "sent" for result in results)

    @staticmethod
    def _users(count: int) -> list[str]:
        return [f"sample-user-{number}" for number in range(1, count + 1)]
