"""What the receivers of notices get, and what becomes of those that don't take one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import threading
from dataclasses import replace
from typing import Any

import httpx
import pytest
from rich.console import Console

from ops.deploy.notices.notice import Notice
from ops.deploy.notices.notifier import Notifier
from ops.deploy.notices.targets import (
    LarkTarget,
    SlackTarget,
    WebhookTarget,
    targets_of_environment,
)
from ops.stacks.console import Reporter

NOTICE = Notice(
    event="succeeded",
    action="deployment",
    environment="production",
    status="version 18f97339 serves",
    branch="main",
    commit="c0ffee" * 6,
    actor="ada",
    duration=61.4,
    link="https://ci.example/run/1",
    window="Tuesday 10:00",
    scope="sends <all>",
    rollback_plan="notifyctl rollback --to abc",
)


def heard(
    *targets: Any, answer: httpx.Response | None = None, local: bool = False
) -> tuple[list[httpx.Request], str]:
    requests: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if answer is None:
            raise httpx.ConnectError("refused")
        return answer

    reporter = Reporter()
    shown = io.StringIO()
    reporter.console = Console(file=shown, width=300)
    transport = httpx.MockTransport(receive)
    Notifier(targets, reporter, local=local, transport=transport).tell(NOTICE)
    return requests, shown.getvalue()


@pytest.mark.requirement("S0-76", "S4-35", "S4-36", "S4-37")
def test_a_notice_has_every_field_and_leaves_out_what_is_empty() -> None:
    assert NOTICE.fields() == {
        "Environment": "production",
        "Branch": "main",
        "Commit": "c0ffeec0ffee",
        "Status": "version 18f97339 serves",
        "Duration": "61 s",
        "By": "ada",
        "Window": "Tuesday 10:00",
        "Scope": "sends <all>",
        "Rollback plan": "notifyctl rollback --to abc",
        "Link": "https://ci.example/run/1",
    }
    bare = replace(NOTICE, window="", duration=None, link="")
    assert {"Window", "Duration", "Link"}.isdisjoint(bare.fields())


@pytest.mark.requirement("S0-75")
def test_lark_gets_a_signed_post() -> None:
    target = LarkTarget("https://lark.example/hook/x", "secret", now=lambda: 1_700_000_000.0)

    requests, _ = heard(target, answer=httpx.Response(200, json={"code": 0}))

    body = json.loads(requests[0].content)
    key = b"1700000000\nsecret"
    assert body["timestamp"] == "1700000000"
    assert body["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert body["msg_type"] == "post"
    assert body["content"]["post"]["en_us"]["title"].endswith("Deployment succeeded: production")
    unsigned = LarkTarget("https://lark.example/hook/x").body(NOTICE)
    assert "sign" not in unsigned


def test_slack_gets_text_in_which_nothing_is_markup() -> None:
    body = SlackTarget("https://hooks.slack.example/T/B/x").body(NOTICE)

    assert "Scope: sends &lt;all&gt;" in body["text"]


def test_a_webhook_gets_the_fields_by_name() -> None:
    body = WebhookTarget("https://team.example").body(NOTICE)

    assert (body["event"], body["rollback_plan"]) == ("succeeded", "notifyctl rollback --to abc")
    assert body["text"] == NOTICE.text()


@pytest.mark.requirement("S0-75")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "ConnectError"),
        (httpx.Response(500), "HTTP 500"),
        (httpx.Response(200, json={"code": 19021, "msg": "sign match fail"}), "sign match fail"),
    ],
)
def test_a_target_that_takes_none_is_warned_of_without_its_path(
    answer: httpx.Response | None, why: str
) -> None:
    _, shown = heard(LarkTarget("https://lark.example/hook/token", "secret"), answer=answer)

    assert "warning: Lark at lark.example didn't accept the notice 'succeeded'" in shown
    assert why in shown
    assert "token" not in shown


def test_what_is_urgent_doesnt_wait_for_a_receiver_that_hangs() -> None:
    answers = threading.Event()

    def hang(_: httpx.Request) -> httpx.Response:
        assert answers.wait(60)
        return httpx.Response(500)

    reporter = Reporter()
    shown = io.StringIO()
    reporter.console = Console(file=shown, width=300)
    transport = httpx.MockTransport(hang)
    notifier = Notifier(
        [WebhookTarget("https://a.example")], reporter, local=False, transport=transport
    )

    end = notifier.begin(NOTICE)

    assert shown.getvalue() == ""
    answers.set()
    end()
    assert "a.example didn't accept the notice 'succeeded': HTTP 500" in shown.getvalue()


def test_a_local_stack_tells_nobody_off_this_machine() -> None:
    away, here = WebhookTarget("https://team.example"), WebhookTarget("http://127.0.0.1:9/x")

    requests, shown = heard(away, here, answer=httpx.Response(200), local=True)

    assert [str(request.url) for request in requests] == ["http://127.0.0.1:9/x"]
    assert "the webhook at team.example isn't notified" in shown


def test_the_targets_are_those_that_the_environment_names() -> None:
    assert targets_of_environment({"LARK_DEPLOY_WEBHOOK": " "}) == []
    found = targets_of_environment(
        {
            "LARK_DEPLOY_WEBHOOK": "https://a.example",
            "SLACK_DEPLOY_WEBHOOK": "https://b.example",
            "DEPLOY_WEBHOOK": "https://c.example",
        }
    )
    assert [type(target) for target in found] == [LarkTarget, SlackTarget, WebhookTarget]
    assert "example" not in repr(found)


@pytest.mark.parametrize(
    "target",
    [
        LarkTarget("https://lark.example/hook/key", "secret"),
        SlackTarget("https://slack.example/hook/key"),
        WebhookTarget("https://hook.example/hook/key"),
    ],
)
def test_a_targets_address_and_secret_are_in_no_text_of_it(target: Any) -> None:
    for text in (repr(target), target.name):
        assert "key" not in text
        assert "secret='secret'" not in text
