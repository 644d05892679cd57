"""No body that anybody can send ends the process that serves everybody."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import psutil
import pytest

from tests.installation import Installation
from tests.integration.conformance.chat_apis import ChatApis
from tests.integration.conformance.deployed import SECRETS, SEND, Deployed, basic

Door = Callable[[str], httpx.Response]
GRAFANA = basic(SECRETS["grafanaWebhookUsername"], SECRETS["grafanaWebhookPassword"])
JSON = {"Content-Type": "application/json"}
SIGNED = (
    ("POST", "/api/notifications/send"),
    ("POST", "/api/notifications/batch"),
    ("POST", "/api/notifications/retry"),
    ("POST", "/api/user-configs"),
    ("POST", "/api/templates"),
    ("POST", "/api/templates/none/preview"),
    ("POST", "/api/queue/purge-test-data"),
    ("POST", "/api/scheduled-tasks/trigger"),
)


def workers(installation: Installation) -> set[tuple[int, float]]:
    """The runtime's processes below the local cloud: a new one means that an isolate died."""
    cloud = psutil.Process(int(installation.ctl_json("local", "status")["pid"]))
    return {
        (child.pid, child.create_time())
        for child in cloud.children(recursive=True)
        if "workerd" in child.name()
    }


def hostile(dice: random.Random, user: str) -> str:
    """A body that nests, repeats or breaks off, alone or within a lawful send."""
    depth = dice.choice([31, 32, 33, 100, 3_206, 6_000, 20_000, 60_000])
    opened = dice.choice(["[", '{"a":', '[{"a":', '["[",'])
    nested = opened * depth
    if dice.random() < 0.5:
        closing = {"[": "]", '{"a":': "}", '[{"a":': "}]", '["[",': "]"}[opened]
        nested += "1" + closing * depth
    text = dice.choice(["<", "&", "{{", "{{#each a}}", "\\u0000", "\\ud800", "*", "`", "\\u200b"])
    long = f'"{text * dice.choice([1, 5_000, 16_000])}"'
    value = dice.choice([nested, long, "9" * 5_000, "1e999999", "NaN", '"' + "x" * 900_000])
    body = {
        "user_id": user,
        "channels": ["webhook"],
        "channel_type": "webhook",
        "template_key": "none",
        "custom_content": {"content": "MARK"},
        "variables": {"a": "MARK"},
        "config_data": {"webhook_url": "MARK"},
        "contents": {"webhook": {"content_template": "MARK"}},
        "receiver": user,
        "status": "firing",
        "alerts": [{"status": "firing", "labels": {"a": "MARK"}}],
    }
    lawful = json.dumps(body).replace('"MARK"', value)
    return dice.choice([value, lawful, lawful[: len(lawful) // 2]])


def doors(service: Deployed, user: str, dice: random.Random) -> list[Callable[[str], Any]]:
    token = {"X-Bridge-Token": SECRETS["bridgeToken"]}

    def post(path: str, headers: dict[str, str]) -> Callable[[str], httpx.Response]:
        def call(body: str) -> httpx.Response:
            content, more = body.encode("utf-8", "replace"), {}
            if "bridge" in path and dice.random() < 0.3:
                content, more = gzip.compress(content), {"Content-Encoding": "gzip"}
            return service.anyone.post(path, content=content, headers=headers | more)

        return call

    def signed(method: str, path: str) -> Callable[[str], httpx.Response]:
        return lambda body: service.signed_raw(method, path, body)

    return [
        *(signed(method, path) for method, path in SIGNED),
        post("/api/webhooks/grafana", GRAFANA | JSON),
        post("/api/webhooks/alertmanager", GRAFANA | JSON),
        post(f"/web_hook/bridge/{user}/webhook", token | JSON),
        post(
            f"/web_hook/bridge/{user}/webhook",
            token | {"Content-Type": "application/x-www-form-urlencoded"},
        ),
        post(f"/api/webhooks/standard/{user}/webhook", JSON),
    ]


def endpoint(service: Deployed, apis: ChatApis, user: str, dice: random.Random) -> Door:
    """Return a door to the service that only an endpoint has: its answer."""
    channels = ("webhook", "slack", "lark", "discord", "teams", "googlechat")
    # A recipient for each call: an endpoint that fails would be left alone.
    calls = count(1)

    def call(body: str) -> httpx.Response:
        number = next(calls)
        channel = dice.choice(channels)
        url = f"{apis.url}/{number}/hostile"
        service.configure(f"{user}-{number}", channel, webhook_url=url)
        data, headers = body.encode("utf-8", "replace"), {"Content-Type": "application/json"}
        if dice.random() < 0.4:
            data, headers = gzip.compress(data), headers | {"Content-Encoding": "gzip"}
            if dice.random() < 0.5:
                data = data[: len(data) // 2]
        apis.hostile = (dice.choice([200, 200, 400, 403, 429, 500]), data, headers)
        return service.call(
            "POST",
            SEND,
            {
                "user_id": f"{user}-{number}",
                "channels": [channel],
                "custom_content": {"content": "x"},
            },
        )

    return call


@pytest.mark.requirement("C-0.29")
@pytest.mark.parametrize(
    "bodies", [100, pytest.param(2_000, marks=pytest.mark.soak)], ids=["sample", "soak"]
)
def test_hostile_bodies_end_no_process(
    service: Deployed,
    apis: ChatApis,
    hooked: str,
    bodies: int,
    record_property: Callable[[str, object], None],
) -> None:
    dice = random.Random(bodies)  # noqa: S311 - the same bodies in every run
    every_door = [*doors(service, hooked, dice), endpoint(service, apis, hooked, dice)]
    before = workers(service.installation)
    assert before
    statuses: dict[int, int] = {}
    for number in range(bodies):
        body = hostile(dice, hooked)
        answer = every_door[number % len(every_door)](body)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (number, answer.status_code, answer.text[:300], body[:200])
    record_property("answers", dict(sorted(statuses.items())))
    assert workers(service.installation) == before
    assert service.send(hooked)[0]["status"] == "sent"
