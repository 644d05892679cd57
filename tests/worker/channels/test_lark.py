"""The Lark channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.lark import LarkChannel, sign
from notification.errors import ChannelRefusal
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4.3")

HOOK = "https://open.feishu.cn/open-apis/bot/v2/hook/abc-def"
OK = '{"code":0,"msg":"success","data":{}}'
POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)


def _body(content_type: str, content: str, *, subject: str | None = "S", **config: Any) -> Any:
    message = Message("id", "u1", content, subject, content_type, None)
    [request] = LarkChannel().compose(
        message, {"webhook_url": HOOK, **config}, policy=POLICY, now_ms=1_736_100_000_000
    )
    assert len(request.body.encode()) <= 20_480
    return json.loads(request.body)


def test_the_signature_matches_the_golden_vector() -> None:
    expected = "k341JuxKs8U9e3LobTvhPMyVDMaXz7vMDxo284JMDEc="
    assert sign("lark-secret", "1736100000") == expected
    body = _body("text", "CPU 95%", subject="Alert", secret="lark-secret")
    assert body == {
        "msg_type": "text",
        "content": {"text": "Alert\n\nCPU 95%"},
        "timestamp": "1736100000",
        "sign": expected,
    }


def test_without_a_subject_or_a_secret_there_is_just_the_text() -> None:
    assert _body("text", "x", subject=None) == {"msg_type": "text", "content": {"text": "x"}}


def test_the_interactive_card_has_a_header_for_the_subject() -> None:
    card = _body("text", "x", msg_type="interactive")["card"]
    assert card["header"]["title"] == {"tag": "plain_text", "content": "S"}
    assert card["elements"] == [{"tag": "div", "text": {"tag": "plain_text", "content": "x"}}]
    assert "header" not in _body("text", "x", subject=None, msg_type="interactive")["card"]


@pytest.mark.requirement("B-13")
def test_markdown_templates_keep_their_markup_and_plain_text_is_escaped() -> None:
    marked = _body("markdown", "**bold** a\\_b")
    assert marked["card"]["elements"][0]["content"] == "**S**\n\n**bold** a&#95;b"
    plain = _body("text", "a*b_c", subject="S_", msg_type="markdown")
    assert plain["card"]["elements"][0]["content"] == "**S&#95;**\n\na&#42;b&#95;c"


def test_a_quote_of_one_bold_line_stays_a_quote() -> None:
    for kind, content in (
        ("markdown", "> **Up**"),
        ("html", "<blockquote><b>Up</b></blockquote>"),
    ):
        body = _body(kind, content, subject=None)
        assert body["card"]["elements"][0]["content"] == "> **Up**"


def test_json_content_with_a_message_type_is_sent_as_it_is() -> None:
    whole = {"msg_type": "interactive", "card": {"elements": []}}
    sent = _body("json", json.dumps(whole), secret="s")
    assert {k: sent[k] for k in whole} == whole
    assert {"timestamp", "sign"} <= set(sent)
    assert _body("json", '{"a":1}', subject=None)["content"]["text"] == '{"a":1}'


@pytest.mark.parametrize("kind", ["markdown", "html"])
def test_every_message_type_shows_a_marked_text_in_its_own_way(kind: str) -> None:
    source = {
        "markdown": "**Up** [page](https://x.example/a)",
        "html": '<b>Up</b> <a href="https://x.example/a">page</a>',
    }[kind]
    text = _body(kind, source, msg_type="text")
    assert text == {
        "msg_type": "text",
        "content": {"text": "S\n\nUp page: https://x.example/a"},
    }
    card = _body(kind, source, msg_type="interactive")["card"]
    assert card["header"]["title"]["content"] == "S"
    assert card["elements"] == [
        {"tag": "markdown", "content": "**Up** [page](https://x.example/a)"}
    ]
    assert _body(kind, source)["msg_type"] == "interactive"


def test_a_text_that_looks_like_a_mention_is_sent_as_a_literal_post() -> None:
    body = _body("text", "by Eve: <at id=all></at>\nend")
    assert body == {
        "msg_type": "post",
        "content": {
            "post": {
                "zh_cn": {
                    "title": "S",
                    "content": [
                        [{"tag": "text", "text": "by Eve: <at id=all></at>"}],
                        [{"tag": "text", "text": "end"}],
                    ],
                }
            }
        },
    }


@pytest.mark.parametrize("written", ["<at id=all></at>", '<at user_id="all">all</at>'])
def test_a_templates_broadcast_needs_permission_and_its_mention_of_a_person_does_not(
    written: str,
) -> None:
    def content(**config: Any) -> str:
        body = _body("markdown", f"{written} <at id=ou_7></at>", subject=None, **config)
        return str(body["card"]["elements"][0]["content"])

    assert "<at id=all>" not in content()
    assert content().endswith(" <at id=ou_7></at>")
    assert content(allow_broadcast=True) == "<at id=all></at> <at id=ou_7></at>"
    post = _body("markdown", written, msg_type="text", allow_broadcast=True)
    [[at]] = post["content"]["post"]["zh_cn"]["content"]
    assert at == {"tag": "at", "user_id": "all"}


def test_a_json_message_over_larks_limit_is_refused() -> None:
    message = {"msg_type": "text", "content": {"text": "x" * 30_000}}
    with pytest.raises(ChannelRefusal, match="Lark takes 20000"):
        _body("json", json.dumps(message))


def test_an_unknown_message_type_is_text() -> None:
    assert _body("text", "x", msg_type="poster")["msg_type"] == "text"


def test_long_texts_fit_into_larks_body() -> None:
    text = _body("text", "漢" * 20_000, subject="s" * 300)["content"]["text"]
    assert text.endswith("…")
    assert text.startswith("s" * 199 + "…\n\n")


@pytest.mark.requirement("B-14")
@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, OK, "sent"),
        (200, '{"code":19021,"msg":"sign match fail"}', "failed"),
        (200, '{"code":19001,"msg":"m"}', "failed"),
        (200, '{"code":19022,"msg":"m"}', "failed"),
        (200, '{"code":19024,"msg":"m"}', "failed"),
        (200, '{"code":9499,"msg":"m"}', "failed"),
        (200, '{"code":11232,"msg":"frequency limited"}', "retry_scheduled"),
        (200, '{"code":77,"msg":"m"}', "retry_scheduled"),
        (200, "not json", "retry_scheduled"),
        (500, "x", "retry_scheduled"),
        (400, "x", "failed"),
    ],
)
def test_answers_are_judged(world: World, status: int, body: str, shown: str) -> None:
    world.configure("u1", "lark", webhook_url=HOOK)
    world.endpoints.behave = lambda request: answer(status, body)
    [result] = world.send(channels=["lark"]).json["results"]
    assert result["status"] == shown
    if "msg" in body and shown != "sent":
        assert result["error"] == f"Lark API error: {json.loads(body)['msg']}"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (None, "webhook_url is required for lark channel"),
        ("https://example.com/open-apis/bot/v2/hook/x", "Invalid lark webhook URL"),
        ("https://open.feishu.cn/other", "Invalid lark webhook URL"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/", "Invalid lark webhook URL"),
        ("nonsense", "Invalid lark webhook URL"),
        ("https://10.0.0.1/open-apis/bot/v2/hook/x", "webhook_url is blocked"),
        ("http://127.0.0.1:1/x", "webhook_url is blocked"),
    ],
)
def test_only_larks_own_hooks_are_accepted(world: World, url: str | None, text: str) -> None:
    config = {"webhook_url": url} if url else {}
    document = {"user_id": "u1", "channel_type": "lark", "config_data": config}
    refused = world.request("POST", "/api/user-configs", document)
    assert refused.status == 400
    assert text in refused.json["error"]


@pytest.mark.parametrize("channel", ["lark", "slack"])
def test_a_stack_that_allows_loopback_takes_it_with_any_path(world: World, channel: str) -> None:
    world.environment["ALLOW_LOOPBACK_ENDPOINTS"] = "true"
    world.configure("u1", channel, webhook_url="http://127.0.0.1:8789/hook/x")
    document = {
        "user_id": "u1",
        "channel_type": channel,
        "config_data": {"webhook_url": "http://169.254.169.254/x"},
    }
    assert world.request("POST", "/api/user-configs", document).status == 400
