"""Channels on the deployed service against the sink, which answers as their providers do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conformance.deployed import SECRETS, Deployed, expect

ALERT = {"subject": "Disk", "content": "95.5% on <node-1> & more @everyone"}
HOOKS = {
    "discord": "/api/webhooks/1/{user}",
    "teams": "/workflows/{user}/triggers/manual/paths/invoke",
    "slack": "/services/T0/B0/{user}",
    "lark": "/open-apis/bot/v2/hook/{user}",
}


def configuration(service: Deployed, channel: str, user: str) -> dict[str, Any]:
    sink = service.installation.sink_url
    if channel == "ntfy":
        return {"server": f"{sink}/ntfy/", "topic": user}
    return {"webhook_url": sink + HOOKS[channel].format(user=user)}


@pytest.mark.requirement("C-4")
@pytest.mark.parametrize("channel", [*HOOKS, "ntfy"])
def test_a_provider_takes_the_message_that_the_deployed_service_sends(
    service: Deployed, user: str, channel: str
) -> None:
    service.configure(user, channel, **configuration(service, channel, user))
    [result] = service.send(user, channel, custom_content=ALERT)
    assert result["status"] == "sent", result
    [second] = service.send(user, channel, custom_content={"content": "x" * 50_000})
    assert (second["status"], second["truncated"]) == ("sent", True), second


@pytest.mark.requirement("C-0.31")
def test_recipients_of_one_webhook_wait_in_one_line_on_the_real_runtime(
    service: Deployed, user: str
) -> None:
    url = service.installation.sink_url + HOOKS["discord"].format(user=user)
    for each in (user, f"{user}-too"):
        service.configure(each, "discord", webhook_url=url)
    statuses = [service.send(user, "discord")[0]["status"] for _ in range(8)]
    assert statuses[0] == "sent"
    assert "retry_scheduled" in statuses, statuses
    [result] = service.send(f"{user}-too", "discord")
    assert (result["status"], result["code"]) == ("retry_scheduled", "THROTTLED"), result


@pytest.mark.requirement("C-8.2")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_no_name_of_the_service_leads_a_webhook_back_to_it(
    service: Deployed, user: str, name: str
) -> None:
    port = str(service.anyone.base_url).rstrip("/").rpartition(":")[2]
    body = {
        "user_id": user,
        "channel_type": "webhook",
        "config_data": {"webhook_url": f"http://{name}:{port}/web_hook/bridge/{user}/webhook"},
    }
    answer = service.call("POST", "/api/user-configs", body)
    expect(answer, 400, "VALIDATION_ERROR")
    assert "must not call itself" in answer.json()["error"]


@pytest.mark.requirement("C-8.2")
def test_what_was_forwarded_too_often_goes_no_further(service: Deployed, hooked: str) -> None:
    answers = [
        service.anyone.post(
            f"/web_hook/bridge/{hooked}/webhook",
            json={"text": "round and round"},
            headers={"X-Bridge-Token": SECRETS["bridgeToken"], "X-Notification-Hops": str(hops)},
        )
        for hops in (1, 6)
    ]
    assert answers[0].status_code == 200, answers[0].text
    assert answers[1].status_code >= 400, answers[1].text
    assert "forwarded" in answers[1].text
