"""The rules for an endpoint's answer, at each status and length."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.channels.answer import (
    judge_code,
    judge_status,
    parsed_details,
    provider_object,
    retry_after_seconds,
    short,
    unconfirmed,
)
from notification.channels.channel import BROKEN, DELIVERED, REJECTED, THROTTLED
from notification.ports.outbound import OutboundAnswer

NOW_MS = 1_767_225_600_500  # 2026-01-01T00:00:00.5Z


def answer(status: int = 200, body: str = "", **headers: str) -> OutboundAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return OutboundAnswer(status, named, body)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, REJECTED) for status in (199, 300, 302, 400, 401, 404, 407, 409, 424, 426)),
        *((status, REJECTED) for status in (428, 430, 499)),
        *((status, BROKEN) for status in (408, 425, 500, 503, 599)),
        (429, THROTTLED),
    ],
)
def test_a_status_decides_where_it_is_no_success(status: int, outcome: str) -> None:
    verdict = judge_status(answer(status, "why"), NOW_MS)
    assert verdict is not None
    assert (verdict.outcome, verdict.error) == (outcome, f"HTTP {status}: why")
    assert verdict.gone is False


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_success_is_left_to_the_channel(status: int) -> None:
    assert judge_status(answer(status), NOW_MS) is None


def test_an_error_shows_five_hundred_characters_and_410_is_gone() -> None:
    verdict = judge_status(answer(410, "x" * 501), NOW_MS)
    assert verdict is not None
    assert (verdict.error, verdict.gone) == (f"HTTP 410: {'x' * 500}", True)
    bare = judge_status(answer(404), NOW_MS)
    assert bare is not None
    assert bare.error == "HTTP 404"


@pytest.mark.parametrize(
    ("status", "told", "waits"),
    [
        (503, 3_600, 3_600),
        (503, 3_601, 3_600),
        (429, 3_601, 3_601),
        (429, 86_400, 86_400),
        (429, 86_401, 86_400),
        (404, 5, 0),
    ],
)
def test_a_wait_is_held_within_an_hour_or_a_day(status: int, told: int, waits: int) -> None:
    verdict = judge_status(answer(status, retry_after=str(told)), NOW_MS)
    assert verdict is not None
    assert verdict.retry_after_s == waits


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("0", 0),
        (" 7 ", 7),
        ("-7", 0),
        ("7.5", 0),
        ("\u0663", 0),
        ("1234567890", 123_456_789),
        ("Thu, 01 Jan 2026 00:00:01 GMT", 1),
        ("Thu, 01 Jan 2026 00:00:02 GMT", 2),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2026 01:00:02 +0100", 2),
        ("Thu, 01 Jan 2026 00:00:02", 2),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("soon", 0),
        ("Thu, 99 Jan 2026 00:00:02 GMT", 0),
    ],
)
def test_a_header_names_seconds_or_a_date(text: str, seconds: int) -> None:
    assert retry_after_seconds(answer(503, retry_after=text), NOW_MS) == seconds


def judged(code: Any, status: int = 400, told_s: int = 0, **headers: str) -> Any:
    return judge_code(
        code,
        {"slow": THROTTLED, "no": REJECTED, "left": REJECTED, "oops": BROKEN},
        gone=("left", "oops"),
        error="E",
        name="N",
        answer=answer(status, **headers),
        now_ms=NOW_MS,
        told_s=told_s,
    )


@pytest.mark.parametrize(
    ("code", "status", "outcome", "gone"),
    [
        ("no", 400, REJECTED, False),
        ("no", 410, REJECTED, True),
        ("left", 400, REJECTED, True),
        ("oops", 400, BROKEN, False),
        ("oops", 410, BROKEN, False),
        ("other", 410, BROKEN, False),
        ("slow", 410, THROTTLED, False),
    ],
)
def test_a_providers_code_decides(code: str, status: int, outcome: str, gone: bool) -> None:
    verdict = judged(code, status)
    assert (verdict.outcome, verdict.error, verdict.gone) == (outcome, "E", gone)
    assert (verdict.code == "N") is (outcome != THROTTLED)


@pytest.mark.parametrize(
    ("code", "told_s", "header", "waits"),
    [
        ("slow", 5, "", 5),
        ("slow", 5, "7", 7),
        ("slow", 9, "7", 9),
        ("slow", 90_000, "", 86_400),
        ("oops", 5, "", 0),
        ("oops", 5, "7", 7),
        ("oops", 0, "4000", 3_600),
        ("no", 5, "7", 0),
    ],
)
def test_a_wait_comes_from_body_or_header(code: str, told_s: int, header: str, waits: int) -> None:
    assert judged(code, told_s=told_s, retry_after=header).retry_after_s == waits


def test_a_success_that_cannot_be_read_is_delivered_and_unconfirmed() -> None:
    verdict = unconfirmed()
    assert (verdict.outcome, verdict.unconfirmed, verdict.details) == (DELIVERED, True, {})


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("body", "found", "is_read"),
    [
        ('{"a": 1}', {"a": 1}, True),
        ("[1]", {}, True),
        ("{", {}, True),
        (nested(32), {}, True),
        (nested(33), {}, False),
    ],
)
def test_a_providers_object_is_read_or_not(body: str, found: Any, is_read: bool) -> None:
    assert provider_object(answer(body=body)) == (found, is_read)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ('{"a": [1]}', {"a": [1]}),
        (json.dumps("x" * 2_046), "x" * 2_046),
        (json.dumps("x" * 2_047), {}),
        ("{", {}),
        ("NaN", {}),
        ('"\\ud800"', {}),
        (nested(30), {}),
    ],
)
def test_details_are_what_our_own_answer_can_hold(body: str, details: Any) -> None:
    assert parsed_details(answer(body=body)) == details


def test_details_have_29_levels_and_a_limit_that_may_be_lifted() -> None:
    assert parsed_details(answer(body=nested(29))) == json.loads(nested(29))
    long = json.dumps("x" * 3_000)
    assert parsed_details(answer(body=long), limit=None) == "x" * 3_000
    assert short("x" * 2_046) == "x" * 2_046
    assert short("x" * 2_047) == {}
    assert short(json.loads(nested(29))) == json.loads(nested(29))
    assert short(json.loads(nested(30))) == {}
    assert short({"a": "\ud800"}) == {}
