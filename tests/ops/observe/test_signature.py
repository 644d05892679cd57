"""Why a signed call is refused, by a clock and a service of the test's own."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import httpx
import pytest

from ops.access.checks.outcome import Outcome
from ops.observe.doctor.signature import Signature

NOW = 1_796_000_000.0
KEY = "ab" * 32


class Service:
    """Answers one question in one way."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self.asked: list[tuple[str, str]] = []

    def call(self, method: str, path: str) -> httpx.Response:
        self.asked.append((method, path))
        return self._answer


def looked(
    *,
    key: str = KEY,
    ticks: tuple[float, ...] = (NOW, NOW, NOW),
    headers: dict[str, str] | None = None,
    answer: httpx.Response | None = None,
) -> dict[str, Outcome]:
    signed: Any = Service(answer or httpx.Response(200))
    anonymous: Any = Service(httpx.Response(200, headers=headers or {}))
    passing = iter(ticks)
    found = Signature(signed, anonymous, key=key, now=lambda: next(passing))
    outcomes = {one.check: one for one in found.outcomes()}
    assert anonymous.asked == [("GET", "/api/health")]
    assert signed.asked == [("GET", "/api/deployment")]
    return outcomes


@pytest.mark.parametrize(
    ("key", "result", "found"),
    [
        (KEY, "ok", "64 characters"),
        (KEY[:-1], "fail", "63 characters; it has 64 hexadecimal digits"),
        (f"{KEY}a", "fail", "65 characters; it has 64 hexadecimal digits"),
        (
            f"{KEY[:-1]}\n",
            "fail",
            "64 characters, with a space or a line break among them; it has 64 hexadecimal digits",
        ),
    ],
)
def test_a_key_has_its_length_and_no_space(key: str, result: str, found: str) -> None:
    outcome = looked(key=key)["key"]
    assert (outcome.result, outcome.found) == (result, found)


@pytest.mark.parametrize(
    ("ahead", "result", "found"),
    [
        (0.0, "ok", "this machine is 0 s behind it; up to 300 s are allowed"),
        (2.0, "ok", "this machine is 2 s ahead of it; up to 300 s are allowed"),
        (-2.0, "ok", "this machine is 2 s behind it; up to 300 s are allowed"),
        (299.9, "ok", "this machine is 300 s ahead of it; up to 300 s are allowed"),
        (300.0, "fail", "this machine is 300 s ahead of it; more than 300 s are refused"),
        (-300.0, "fail", "this machine is 300 s behind it; more than 300 s are refused"),
    ],
)
def test_the_clock_is_compared_in_the_middle_of_the_call_and_of_the_second(
    ahead: float, result: str, found: str
) -> None:
    # The call takes four seconds; the header's second is half over in its middle.
    begin = NOW - 2 + 0.5 + ahead
    outcome = looked(ticks=(begin, begin + 4, NOW), headers={"date": formatdate(NOW, usegmt=True)})[
        "clock"
    ]
    assert (outcome.result, outcome.found) == (result, found)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_an_answer_without_a_date_says_nothing_of_the_clock(headers: dict[str, str]) -> None:
    assert looked(headers=headers)["clock"] == Outcome.warn(
        "clock", "GET /api/health answered without a Date header", "Compare the clock by hand."
    )


def test_the_text_to_sign_is_that_of_the_documents() -> None:
    found = looked()["text to sign"]
    moment, method, path, digest = found.found.strip("'").split("\\n")
    assert (found.result, moment, method, path) == (
        *("ok", "1796000000000", "POST", "/api/notifications/send"),
    )
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("answer", "result", "found", "advice"),
    [
        (httpx.Response(200), "ok", "GET /api/deployment answered 200", ""),
        (httpx.Response(201), "fail", "was refused with 201", "notifyctl diagnose"),
        (httpx.Response(199), "fail", "was refused with 199", "notifyctl diagnose"),
        (
            httpx.Response(401, json={"code": "INVALID_SIGNATURE"}),
            *("fail", "was refused with 401 INVALID_SIGNATURE", "notifyctl up"),
        ),
        (
            httpx.Response(401, json={"code": "REQUEST_EXPIRED"}),
            *("fail", "was refused with 401 REQUEST_EXPIRED", "The clocks differ"),
        ),
        (httpx.Response(503, json=["x"]), "fail", "was refused with 503", "notifyctl diagnose"),
        (httpx.Response(502, text="<html>"), "fail", "was refused with 502", "notifyctl diagnose"),
    ],
)
def test_a_refusal_leads_to_what_it_comes_from(
    answer: httpx.Response, result: str, found: str, advice: str
) -> None:
    outcome = looked(answer=answer)["signed call"]
    assert outcome.result == result
    assert outcome.found.endswith(found)
    assert advice in (outcome.advice or "")
