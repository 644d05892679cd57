"""The calls of docs/channels.md, run in their order by a shell against the deployed service."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from notification.channels.registry import CHANNELS
from tests.integration.conformance.chat_apis import ChatApis
from tests.integration.conformance.deployed import Deployed

PAGE = Path(__file__).parents[3] / "docs" / "channels.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETTINGS = re.compile(r"^key=.*\nservice=.*\n")
STAMP = "timestamp=$(date +%s%3N)"


@pytest.mark.requirement("C-4")
def test_the_pages_calls_configure_every_channel_and_send_over_all(
    service: Deployed, apis: ChatApis
) -> None:
    first, *calls = BLOCK.findall(PAGE.read_text())
    assert len(calls) == len(CHANNELS) + 1
    outputs = service.installation.outputs()
    settings = (
        f"set -e\nkey={outputs['api_secret_key']}\n"
        f"service={outputs['service_url']} sink={service.installation.sink_url}\n"
    )
    functions, found = SETTINGS.subn("", first)
    assert found == 1
    assert STAMP in functions
    now_ms = round(service.installation.now() * 1000)
    functions = functions.replace(STAMP, f"timestamp={now_ms}")
    answers = []
    for call in calls:
        done = subprocess.run(
            ["bash", "-c", settings + functions + call],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    *saved, sent = answers
    assert {each["data"]["channel_type"] for each in saved} == set(CHANNELS)
    assert {r["channelType"]: r["status"] for r in sent["results"]} == dict.fromkeys(
        CHANNELS, "sent"
    ), sent
    assert apis.received, "telegram's stand-in was called"
