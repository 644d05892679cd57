"""The Google Chat channel."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from localcloud.sink.chat.api import ChatAnswer, ChatCall
from localcloud.sink.chat.googlechat import Googlechat
from notification.channels.channel import Message, Verdict
from notification.channels.endpoint import EndpointPolicy
from notification.channels.googlechat import GooglechatChannel
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.markup.parsers import read_commonmark
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4")

HOOK = "https://chat.googleapis.com/v1/spaces/AAA/messages?key=k-1&token=t_2%3D"
POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
READER = MarkdownIt("commonmark").enable("strikethrough")
"""CommonMark's reader of other people, with the extension that Google Chat names."""
MARKS = "\\*_~`|<>[](){}#+-=.!&;:/'\"0123@ \n\ta\u00e9\U0001f642"


def calls(
    content: str, *, subject: str | None = None, kind: str = "text", **config: Any
) -> list[OutboundRequest]:
    message = Message("ntf_1", "u1", content, subject, kind, None)
    config = {"webhook_url": HOOK, **config}
    return GooglechatChannel().compose(message, config, policy=POLICY, now_ms=0)


def read_call(body: Any) -> str:
    """Return what a person reads of a call, for the test of all channels' values."""
    assert body["markupSyntax"] == "MARKUP_SYNTAX_MARKDOWN"
    return read_commonmark(body["text"])


def text(content: str, **more: Any) -> str:
    [call] = calls(content, **more)
    written: str = json.loads(call.body)["text"]
    return written


def seen(source: str) -> tuple[str, list[str]]:
    """Return what CommonMark shows of a text, and the kinds of everything that isn't text."""
    kinds: list[str] = []

    def shown(tokens: list[Token]) -> str:
        parts = []
        for token in tokens:
            if token.type == "inline":
                parts.append(shown(token.children or []))
            elif token.type in ("text", "text_special"):
                parts.append(token.content)
            elif token.type == "hardbreak":
                parts.append("\n")
            elif token.type == "paragraph_close":
                parts.append("\n\n")
            elif token.type in ("code_inline", "fence"):
                kinds.append(token.type)
                parts.append(token.content)
            elif token.nesting == 1 and token.type != "paragraph_open":
                kinds.append(token.type.removesuffix("_open"))
            elif token.nesting == 0:
                kinds.append(token.type)
        return "".join(parts)

    return shown(READER.parse(source)), kinds


def test_a_call_keeps_the_hooks_query_and_names_its_markup() -> None:
    [call] = calls("95 % on <a>", subject="Disk", thread_key="disk", timeout=5_000)
    url = urlsplit(call.url)
    assert (url.netloc, url.path) == ("chat.googleapis.com", "/v1/spaces/AAA/messages")
    assert parse_qs(url.query) == {
        "key": ["k-1"],
        "token": ["t_2="],
        "messageReplyOption": ["REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"],
        "requestId": ["ntf_1-1"],
    }
    assert (call.method, call.timeout_ms) == ("POST", 5_000)
    assert json.loads(call.body) == {
        "text": "**Disk**  \n  \n95 % on \\<a\\>",
        "markupSyntax": "MARKUP_SYNTAX_MARKDOWN",
        "thread": {"threadKey": "disk"},
    }


def test_a_hook_without_a_query_gets_one_and_a_subject_is_cut() -> None:
    bare = HOOK.partition("?")[0]
    [call] = calls("x", webhook_url=bare, subject="s" * 256)
    assert call.url == f"{bare}?requestId=ntf_1-1"
    assert json.loads(call.body)["text"] == f"**{'s' * 256}**  \n  \nx"
    assert "thread" not in json.loads(call.body)
    assert not call.truncated
    [longer] = calls("x", subject="s" * 257)
    assert json.loads(longer.body)["text"].startswith(f"**{'s' * 255}\u2026**")
    assert longer.truncated


def test_markup_is_commonmarks() -> None:
    source = "**b** *i* ~~s~~ `c_*` [x](https://x.example/a) and https://x.example/a_b"
    written = text(source, kind="markdown")
    assert written == source.replace("*i*", "_i_")
    assert seen(written)[1] == ["strong", "em", "s", "code_inline", "link"]
    fence = "before\n```py\nx = _1_ \n```\nafter"
    assert seen(text(fence, kind="markdown")) == ("before\n\nx = _1_ \nafter\n\n", ["fence"])


def test_a_quote_ends_with_its_line() -> None:
    shown, kinds = seen(text("> quoted\nmine", kind="markdown"))
    assert (shown, kinds) == ("quoted\n\nmine\n\n", ["blockquote"])


@pytest.mark.parametrize(
    "source",
    [
        "1. one\n2) two\n- three\n+ four\n* five\n# six\n> seven\n=\n---",
        "    four spaces\n\ttab\n\n    - after an empty line",
        "a\n===\nb\n-",
        "[a]: https://x.example\n[a]",
        "&copy; &#64; <users/all> <b>x</b> <https://x.example> ![i](u)",
        "https://x.example/_a_?b=1&copy;=2 https://x.example/a_b?c=1",
        "snake_case *a* **b** ~c~ `d` \\e \\\\*",
    ],
)
def test_plain_text_is_shown_as_it_is(source: str) -> None:
    shown, kinds = seen(text(source))
    assert set(kinds) <= {"link"}
    assert "".join(shown.split()) == "".join(source.split())
    lines = [line.strip() for line in source.splitlines() if line]
    assert [line.strip() for line in shown.splitlines() if line] == lines


def test_an_indent_stays_visible_and_is_no_code() -> None:
    assert text("x\n    four\n\t tab") == "x  \n\u00a0\u00a0\u00a0\u00a0four  \n\u00a0\u00a0tab"
    fenced = "x\n```\n    four\n```\n  two `c` x"
    written = text(fenced, kind="markdown")
    assert written == "x  \n```\n    four\n```  \n\u00a0\u00a0two `c` x"
    assert seen(written) == ("x\n\n    four\ntwo c x\n\n", ["fence", "code_inline"])


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from(MARKS), min_size=1, max_size=40).filter(lambda s: s.strip() != ""))
@example("a\n=\n")
@example("http://&#1;")
def test_any_plain_text_is_text_to_a_foreign_reader(source: str) -> None:
    shown, kinds = seen(text(source))
    assert set(kinds) <= {"link"}
    assert "".join(shown.split()) == "".join(source.split())


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from(MARKS), min_size=1, max_size=40))
def test_any_markdown_keeps_its_words(source: str) -> None:
    words = "".join(character for character in source if character.isalnum())
    written = text(f"x {source} y", kind="markdown")
    shown, kinds = seen(written)
    assert not {"code_block", "html_block", "html_inline", "heading", "bullet_list", "hr"} & {
        *kinds
    }
    if "(" not in source and "<" not in source and "&" not in source and ":" not in source:
        assert "".join(filter(str.isalnum, shown)) == f"x{words}y"


def test_a_template_mentions_a_person_and_needs_permission_for_everybody() -> None:
    source = "<users/123> <users/all>"
    assert text(source, kind="markdown") == "<users/123> @all"
    assert text(source, kind="markdown", allow_broadcast=True) == source
    assert text(source, allow_broadcast=True) == "\\<users/123\\> \\<users/all\\>"


def test_long_texts_are_cut_or_split_into_parts_with_a_request_each() -> None:
    [call] = calls("word_ " * 2_000)
    assert call.truncated
    assert 4_000 < len(json.loads(call.body)["text"]) <= 4_096
    split = calls("\U0001f642 word " * 1_000, subject="s" * 300, split_long=True)
    assert len(split) == 3
    assert all(len(json.loads(c.body)["text"].encode("utf-16-le")) <= 8_192 for c in split)
    assert [c.url.partition("requestId=")[2] for c in split] == ["ntf_1-1", "ntf_1-2", "ntf_1-3"]
    assert all(c.truncated for c in split)  # The subject was cut.
    assert not any(c.truncated for c in calls("word " * 1_600, split_long=True))


def judged(given: ChatAnswer, now_ms: int = 0) -> Verdict:
    headers = {name.lower(): value for name, value in given.headers.items()}
    return GooglechatChannel().judge(OutboundAnswer(given.status, headers, given.body), now_ms)


@pytest.mark.parametrize(
    ("code", "outcome", "gone"),
    [
        ("INVALID_ARGUMENT", "rejected", False),
        ("UNAUTHENTICATED", "rejected", False),
        ("PERMISSION_DENIED", "rejected", False),
        ("NOT_FOUND", "rejected", True),
        ("RESOURCE_EXHAUSTED", "throttled", False),
        ("INTERNAL", "broken", False),
        ("UNAVAILABLE", "broken", False),
    ],
)
def test_documented_errors_are_judged(code: str, outcome: str, gone: bool) -> None:
    failed = Googlechat().failure(code)
    assert failed is not None
    verdict = judged(failed)
    assert (verdict.outcome, verdict.gone) == (outcome, gone)
    assert verdict.error.startswith("Google Chat API error: ")
    assert verdict.retry_after_s == (1 if outcome == "throttled" else 0)


def test_a_refusal_is_told_in_googles_words_and_its_own_wait_wins() -> None:
    def verdict(body: str, **headers: str) -> Verdict:
        return GooglechatChannel().judge(OutboundAnswer(429, headers, body), 0)

    told = '{"error":{"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded"}}'
    assert verdict(told).error == "Google Chat API error: Quota exceeded"
    assert verdict(told, **{"retry-after": "7"}).retry_after_s == 7
    bare = '{"error":{"status":"NOT_FOUND"}}'
    assert verdict(bare).error == "Google Chat API error: NOT_FOUND"
    assert verdict(bare).code == "GOOGLECHAT_ERROR"
    long = json.dumps({"error": {"status": "INTERNAL", "message": "m" * 600}})
    assert verdict(long).error == "Google Chat API error: " + "m" * 500


@pytest.mark.parametrize(
    ("status", "body", "outcome", "unconfirmed"),
    [
        (200, '{"name":"spaces/AAA/messages/1.1"}', "delivered", False),
        (200, "{}", "delivered", False),
        (200, '{"name":', "delivered", True),
        (400, '{"error":{"status":"OUT_OF_RANGE"}}', "rejected", False),
        (400, '{"error":{"status":"ODD"}}', "broken", False),
        (400, '{"error":"INTERNAL"}', "rejected", False),
        (404, "<html>", "rejected", False),
        (429, "", "throttled", False),
        (502, "<html>", "broken", False),
        (409, '{"error":{"status":"ABORTED"}}', "broken", False),
        (409, '{"error":{"status":"ALREADY_EXISTS"}}', "rejected", False),
        (499, '{"error":{"status":"CANCELLED"}}', "broken", False),
        (400, '{"error":{"status":"FAILED_PRECONDITION"}}', "rejected", False),
        (501, '{"error":{"status":"UNIMPLEMENTED"}}', "rejected", False),
        (500, '{"error":{"status":"UNKNOWN"}}', "broken", False),
        (500, '{"error":{"status":"DATA_LOSS"}}', "broken", False),
        (504, '{"error":{"status":"DEADLINE_EXCEEDED"}}', "broken", False),
    ],
)
def test_the_errors_status_decides_and_else_https(
    status: int, body: str, outcome: str, unconfirmed: bool
) -> None:
    cut = body == '{"name":'
    given = OutboundAnswer(status, {}, body, is_whole=not cut)
    verdict = GooglechatChannel().judge(given, 0)
    assert (verdict.outcome, verdict.unconfirmed) == (outcome, unconfirmed)


def test_a_repeated_call_makes_no_second_message_and_costs_no_quota() -> None:
    api = Googlechat()
    [call] = calls("x")
    url = urlsplit(call.url)

    def sent(query: str, now_ms: int) -> ChatAnswer:
        return api.receive(ChatCall(url.path, call.body.encode(), now_ms, query))

    first = sent(url.query, 0)
    assert json.loads(first.body)["name"] == "spaces/AAA/messages/1.1"
    assert sent(url.query, 1).body == first.body
    other = url.query.replace("ntf_1", "ntf_2")
    assert judged(sent(other, 999)).outcome == "throttled"
    assert json.loads(sent(other, 1_000).body)["name"] == "spaces/AAA/messages/2.2"


def test_the_stand_in_wants_the_hooks_key_and_a_message_within_the_limits() -> None:
    def status(query: str, **message: Any) -> tuple[int, str]:
        body = json.dumps(message, ensure_ascii=False).encode()
        given = Googlechat().receive(ChatCall("/v1/spaces/A/messages", body, 0, query))
        return given.status, json.loads(given.body).get("error", {}).get("message", "")

    hook = "key=k&token=t"
    assert status("key=k", text="x") == (403, "The API is called without a valid token.")
    assert status(hook, text="x" * 4_096) == (200, "")
    assert status(hook, text="x" * 4_097) == (400, "Message is longer than 4096 characters")
    assert status(hook, cardsV2=["x" * 31_980]) == (200, "")
    assert status(hook, cardsV2=["x" * 32_000])[0] == 400
    assert status(hook, text=" ")[1] == "Message cannot be empty. Discarding empty message."
    assert "Unknown name" in status(hook, text="x", username="Bot")[1]
    assert status(hook, text="x", markupSyntax="MARKDOWN")[0] == 400
    assert status(hook, text="x", thread={"threadKey": "k" * 4_001})[0] == 400
    assert status(hook + "&messageReplyOption=MAYBE", text="x")[0] == 400
    assert status(hook, text=7)[0] == 400


def test_a_send_is_delivered(world: World) -> None:
    world.configure("u1", "googlechat", webhook_url=HOOK)
    body = '{"name":"spaces/AAA/messages/9.9","thread":{"name":"spaces/AAA/threads/9"}}'
    world.endpoints.behave = lambda request: answer(200, body)
    [result] = world.send(channels=["googlechat"]).json["results"]
    assert (result["status"], result["details"]) == ("sent", {"name": "spaces/AAA/messages/9.9"})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "webhook_url"),
        ({"webhook_url": "https://example.com/v1/spaces/AAA/messages?key=k&token=t"}, "googlechat"),
        ({"webhook_url": "https://chat.googleapis.com/v1/media/x"}, "googlechat"),
        ({"webhook_url": HOOK, "thread_key": 7}, "thread_key"),
        ({"webhook_url": HOOK, "thread_key": "k" * 4_001}, "thread_key"),
        ({"webhook_url": HOOK, "split_long": "yes"}, "split_long"),
        ({"webhook_url": HOOK, "allow_broadcast": 1}, "allow_broadcast"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    world: World, config: dict[str, Any], named: str
) -> None:
    document = {"user_id": "u1", "channel_type": "googlechat", "config_data": config}
    refused = world.request("POST", "/api/user-configs", document)
    assert refused.status == 400
    assert named in refused.json["error"]
