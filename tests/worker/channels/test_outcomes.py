"""What each provider's answer means: its own code first, then the status."""

from __future__ import annotations

from typing import NoReturn

import pytest

from localcloud.sink.chat import ChatApi, Lark, Slack, Telegram
from notification.channels.channel import BROKEN, DELIVERED, REJECTED, THROTTLED
from notification.channels.registry import CHANNELS
from notification.ports.outbound import OutboundAnswer
from tests.worker.endpoints import answer
from tests.worker.world import World

DEEP = "[" * 6_000
APIS: dict[str, ChatApi] = {"lark": Lark(), "telegram": Telegram(), "slack": Slack()}
DOCUMENTED = [
    ("lark", "9499", THROTTLED),
    ("lark", "bad_request", REJECTED),
    ("lark", "11232", THROTTLED),
    ("lark", "99991400", THROTTLED),
    ("lark", "19001", REJECTED),
    ("lark", "19021", REJECTED),
    ("lark", "19022", REJECTED),
    ("lark", "19024", REJECTED),
    ("telegram", "400", REJECTED),
    ("telegram", "401", REJECTED),
    ("telegram", "403", REJECTED),
    ("telegram", "404", REJECTED),
    ("telegram", "429", THROTTLED),
    ("telegram", "500", BROKEN),
    ("slack", "invalid_payload", REJECTED),
    ("slack", "no_text", REJECTED),
    ("slack", "invalid_blocks", REJECTED),
    ("slack", "too_many_attachments", REJECTED),
    ("slack", "user_not_found", REJECTED),
    ("slack", "invalid_token", REJECTED),
    ("slack", "action_prohibited", REJECTED),
    ("slack", "posting_to_general_channel_denied", REJECTED),
    ("slack", "channel_not_found", REJECTED),
    ("slack", "no_service", REJECTED),
    ("slack", "no_active_hooks", REJECTED),
    ("slack", "team_disabled", REJECTED),
    ("slack", "no_team", REJECTED),
    ("slack", "channel_is_archived", REJECTED),
    ("slack", "rate_limited", THROTTLED),
    ("slack", "rollup_error", BROKEN),
]


def outcome(channel: str, status: int, body: str, *, whole: bool = True) -> str:
    """The outcome of an answer over a channel."""
    return CHANNELS[channel].judge(OutboundAnswer(status, {}, body, whole), 0).outcome


@pytest.mark.requirement("C-0.30", "C-0.40")
@pytest.mark.parametrize(("channel", "code", "expected"), DOCUMENTED)
def test_a_documented_code_decides(channel: str, code: str, expected: str) -> None:
    made = APIS[channel].failure(code)
    assert made is not None
    assert outcome(channel, made.status, made.body) == expected
    # The code decides, whatever status a gateway puts on it.
    assert outcome(channel, 500, made.body) == (expected if code != "500" else BROKEN)


DISCORD = {
    REJECTED: (10003, 10015, 40005, 50006, 50027, 50035, 50083, 50109, 220001, 220003),
    THROTTLED: (20016, 20028, 20029, 40062),
    BROKEN: (0, 1, 50000),
}
"""Discord, "Opcodes and Status Codes", JSON error codes."""


@pytest.mark.requirement("C-0.40")
def test_each_of_discords_codes_decides_whatever_the_status_is() -> None:
    for expected, codes in DISCORD.items():
        for code in codes:
            body = f'{{"code":{code},"message":"x"}}'
            assert outcome("discord", 500, body) == expected, code
    # A code of 0 is none, and so is one that is no number.
    for other in ("0", "true", '"10015"', "10015.0", "null"):
        assert outcome("discord", 404, f'{{"code":{other},"message":"x"}}') == REJECTED


@pytest.mark.requirement("C-0.38", "C-0.33")
@pytest.mark.parametrize(
    ("channel", "status", "body", "gone", "unparsed"),
    [
        ("discord", 404, '{"code":10015}', True, False),
        ("discord", 401, '{"code":50027}', True, False),
        ("discord", 404, '{"code":10003}', False, False),
        ("lark", 200, '{"code":19001}', True, False),
        ("lark", 200, '{"code":19002}', False, True),
        ("lark", 200, '{"code":9408}', False, True),
        ("lark", 200, '{"code":11246}', False, True),
        ("lark", 200, '{"code":9499,"msg":"Bad Request"}', False, True),
        ("lark", 200, '{"code":9499,"msg":"too many request"}', False, False),
        ("lark", 200, '{"code":19024}', False, False),
        ("slack", 404, "no_team", True, False),
        ("slack", 400, "invalid_blocks_format", False, True),
        ("slack", 400, "msg_blocks_too_long", False, True),
        ("slack", 400, "msg_too_long", False, False),
        ("telegram", 400, "can't parse entities: x", False, True),
        ("telegram", 403, "can't parse entities", False, False),
        ("telegram", 403, "Forbidden: user is deactivated", True, False),
        ("telegram", 400, "Bad Request: chat was deleted", False, False),
        ("webhook", 410, "", True, False),
        ("webhook", 404, "", False, False),
    ],
)
def test_some_answers_say_that_the_endpoint_is_gone_and_some_that_the_markup_is_wrong(
    channel: str, status: int, body: str, gone: bool, unparsed: bool
) -> None:
    if channel == "telegram":
        body = f'{{"ok":false,"error_code":{status},"description":"{body}"}}'
    verdict = CHANNELS[channel].judge(OutboundAnswer(status, {}, body), 0)
    assert (verdict.gone, verdict.unparsed) == (gone, unparsed)


@pytest.mark.requirement("C-0.30")
@pytest.mark.parametrize(
    ("channel", "headers", "body", "told_s"),
    [
        ("discord", {}, '{"retry_after":0.25}', 1),
        ("discord", {}, '{"retry_after":65}', 65),
        ("discord", {"retry-after": "70"}, '{"retry_after":65.0}', 70),
        ("discord", {}, '{"retry_after":-1}', 0),
        ("discord", {}, '{"retry_after":true}', 0),
        ("discord", {}, '{"retry_after":1e300}', 0),
        ("lark", {"x-ogw-ratelimit-reset": "12"}, '{"code":11232}', 12),
        ("lark", {"x-ogw-ratelimit-reset": " 12.1 "}, '{"code":11232}', 13),
        ("lark", {"x-ogw-ratelimit-reset": "soon"}, '{"code":11232}', 0),
        ("telegram", {}, '{"ok":false,"error_code":429,"parameters":{"retry_after":-5}}', 0),
        ("telegram", {}, '{"ok":false,"error_code":429,"parameters":[]}', 0),
        ("ntfy", {}, '{"code":42901,"error":"limit"}', 0),
        ("ntfy", {"retry-after": "9"}, '{"code":42901,"error":"limit"}', 9),
    ],
)
def test_the_wait_is_read_where_its_provider_writes_it(
    channel: str, headers: dict[str, str], body: str, told_s: int
) -> None:
    verdict = CHANNELS[channel].judge(OutboundAnswer(429, headers, body), 0)
    assert (verdict.outcome, verdict.retry_after_s) == (THROTTLED, told_s)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (40_000, REJECTED),
        (42_899, REJECTED),
        (42_900, THROTTLED),
        (42_999, THROTTLED),
        (43_000, REJECTED),
        (49_999, REJECTED),
        (50_000, BROKEN),
        (59_999, BROKEN),
    ],
)
def test_ntfys_code_begins_with_the_status_that_it_means(code: int, expected: str) -> None:
    assert outcome("ntfy", 404, f'{{"code":{code},"error":"x"}}') == expected
    # Beyond that it is no code, and the status decides.
    for other in ("39999", "60000", "true", '"40000"'):
        assert outcome("ntfy", 404, f'{{"code":{other},"error":"x"}}') == REJECTED
        assert outcome("ntfy", 503, f'{{"code":{other},"error":"x"}}') == BROKEN


@pytest.mark.requirement("C-0.40")
@pytest.mark.parametrize("text", ["Too Many Request", "request trigger FREQUENCY limit"])
def test_larks_9499_is_throttled_only_if_its_text_speaks_of_frequency(text: str) -> None:
    assert outcome("lark", 400, f'{{"code":9499,"msg":"{text}"}}') == THROTTLED
    assert outcome("lark", 200, '{"code":9499,"msg":"Bad Request"}') == REJECTED


@pytest.mark.requirement("C-0.40")
@pytest.mark.parametrize(
    ("channel", "status", "body"),
    [
        ("lark", 400, '{"code":424242,"msg":"new"}'),
        ("telegram", 400, '{"ok":false,"error_code":418,"description":"new"}'),
        ("slack", 400, "brand_new_error"),
        ("slack", 200, '{"ok":false,"error":"brand_new_error"}'),
    ],
)
def test_a_code_that_the_table_does_not_name_is_broken(
    channel: str, status: int, body: str
) -> None:
    assert outcome(channel, status, body) == BROKEN


@pytest.mark.requirement("C-0.40")
@pytest.mark.parametrize("channel", list(CHANNELS))
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, REJECTED),
        (400, REJECTED),
        (403, REJECTED),
        (404, REJECTED),
        (408, BROKEN),
        (410, REJECTED),
        (425, BROKEN),
        (429, THROTTLED),
        (500, BROKEN),
        (503, BROKEN),
        (599, BROKEN),
    ],
)
def test_without_a_code_the_status_decides(channel: str, status: int, expected: str) -> None:
    assert outcome(channel, status, "<html>a proxy</html>") == expected
    assert outcome(channel, status, "") == expected


@pytest.mark.requirement("C-0.41")
@pytest.mark.parametrize("channel", list(CHANNELS))
@pytest.mark.parametrize("body", ["", "invalid_pay", '{"code":19', DEEP])
def test_a_body_that_broke_off_changes_no_class(channel: str, body: str) -> None:
    for status, expected in ((403, REJECTED), (429, THROTTLED), (500, BROKEN), (200, DELIVERED)):
        assert outcome(channel, status, body, whole=False) == expected


@pytest.mark.requirement("C-0.41")
@pytest.mark.parametrize("channel", ["telegram", "lark", "slack"])
def test_a_2xx_whose_body_nests_too_deep_is_delivered_and_unconfirmed(channel: str) -> None:
    verdict = CHANNELS[channel].judge(OutboundAnswer(200, {}, DEEP), 0)
    assert (verdict.outcome, verdict.unconfirmed) == (DELIVERED, True)


@pytest.mark.requirement("C-0.30")
@pytest.mark.parametrize(
    ("channel", "body", "told_s"),
    [
        (
            "telegram",
            '{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":90}}',
            90,
        ),
        (
            "telegram",
            '{"ok":false,"error_code":400,"description":"x","parameters":{"retry_after":9}}',
            9,
        ),
        ("slack", "rate_limited", 30),
        ("webhook", "", 30),
    ],
)
def test_a_throttled_one_waits_as_it_is_told(channel: str, body: str, told_s: int) -> None:
    headers = {} if channel == "telegram" else {"retry-after": "30"}
    verdict = CHANNELS[channel].judge(OutboundAnswer(429, headers, body), 0)
    assert (verdict.outcome, verdict.retry_after_s) == (THROTTLED, told_s)


@pytest.mark.requirement("C-0.30")
def test_a_broken_one_waits_an_hour_at_most_and_a_throttled_one_a_day() -> None:
    for status, longest in ((503, 3_600), (429, 86_400)):
        answer = OutboundAnswer(status, {"retry-after": "999999"}, "")
        assert CHANNELS["webhook"].judge(answer, 0).retry_after_s == longest


@pytest.mark.requirement("C-0.30")
@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (" 30 ", 30),
        ("Thu, 01 Jan 1970 00:00:20 GMT", 20),
        ("Thu, 01 Jan 1970 00:00:20.5 GMT", 0),
        ("Thu, 01 Jan 1970 02:00:20 +0200", 20),
        ("Thu, 01 Jan 1970 00:00:20 -0000", 20),
        ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
        ("1.5", 0),
        ("-5", 0),
        ("soon", 0),
        ("\uff19", 0),
        ("9" * 5_000, 86_400),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", 0),
    ],
)
def test_a_wait_is_read_in_seconds_or_as_a_date(told: str, seconds: int) -> None:
    verdict = CHANNELS["webhook"].judge(OutboundAnswer(429, {"retry-after": told}, ""), 0)
    assert verdict.retry_after_s == seconds


@pytest.mark.requirement("C-0.41")
@pytest.mark.parametrize(("status", "shown"), [(200, "sent"), (400, "retry_scheduled")])
def test_an_answer_that_its_channel_cannot_judge_counts_by_its_status(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int, shown: str
) -> None:
    def judge(answer: OutboundAnswer, now_ms: int) -> NoReturn:
        raise RecursionError

    monkeypatch.setattr(CHANNELS["webhook"], "judge", judge)
    world.endpoints.behave = lambda request: answer(status)
    world.configure("u1")
    world.configure("u1", "ntfy", topic="alerts")
    results = world.send(channels=["webhook", "ntfy"]).json["results"]
    assert results[0]["status"] == shown
    assert world.logs()[0]["status"] == shown.removesuffix("_scheduled")


def test_a_lark_code_that_is_no_number_is_no_code() -> None:
    assert outcome("lark", 403, '{"code":"0","msg":"x"}') == REJECTED
    assert outcome("lark", 200, '{"code":false,"msg":"x"}') == BROKEN
