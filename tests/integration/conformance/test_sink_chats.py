"""Channels on the deployed service against the sink, which answers as their providers do."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sink.chat import chat_apis
from tests.integration.conformance.deployed import Deployed

ALERT = {"subject": "Disk", "content": "95.5% on <node-1> & more @everyone"}
HOOKS = {api.name: api.hook for api in chat_apis() if api.hook}


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
    # Another endpoint: Google Chat takes one message a second.
    other = f"{user}-long"
    service.configure(other, channel, **configuration(service, channel, other))
    [second] = service.send(other, channel, custom_content={"content": "x" * 50_000})
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
