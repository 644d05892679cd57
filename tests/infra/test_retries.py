"""Calls that fail are made again, after waits that grow, and no more often than they may."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
import stamina

from infra import account_api
from infra.migrations import d1
from infra.migrations.errors import D1Unavailable
from infra.retries import retrying
from infra.shards import user_rows


class Busy(Exception):
    """Worth another attempt."""


class Service:
    """Raises the given exceptions in turn, and answers after them."""

    def __init__(self, *faults: Exception) -> None:
        self.calls = 0
        self._faults = list(faults)

    def answer(self, text: str) -> str:
        self.calls += 1
        if self._faults:
            raise self._faults.pop(0)
        return text


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that are waited for, which take no time."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_the_waits_double_up_to_the_longest_one(waits: list[float]) -> None:
    service = Service(*(Busy() for _ in range(5)))
    with stamina.set_testing(False):
        call = retrying(Busy, attempts=6, first_wait=1, longest_wait=5)
        assert call(service.answer, "done") == "done"
    assert waits == [1, 2, 4, 5, 5]


def test_the_last_attempts_exception_is_raised() -> None:
    faults = [Busy(number) for number in range(4)]
    service = Service(*faults)
    with pytest.raises(Busy) as raised:
        retrying(Busy, attempts=3, first_wait=1, longest_wait=1)(service.answer, "")
    assert (raised.value, service.calls) == (faults[2], 3)


def test_another_exception_is_raised_at_once() -> None:
    service = Service(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        retrying(Busy, attempts=3, first_wait=1, longest_wait=1)(service.answer, "")
    assert service.calls == 1


@pytest.mark.parametrize(
    ("repeated", "failure", "expected"),
    [
        (d1.retry_unavailable, D1Unavailable("no answer"), [1, 2, 4, 8]),
        (account_api._repeated, account_api._NoAnswer("no answer"), [0.5, 1]),
        (user_rows.patiently, D1Unavailable("no answer"), [1, 2, 4, *[8] * 46]),
    ],
)
def test_cloudflares_api_is_called_again_after_these_waits(
    waits: list[float], repeated: Any, failure: Exception, expected: list[float]
) -> None:
    service = Service(*[failure] * 99)
    with stamina.set_testing(False), pytest.raises(type(failure)):
        repeated(service.answer, "")
    assert waits == expected
    assert service.calls == len(expected) + 1


def test_nothing_is_printed_about_a_repetition(
    waits: list[float], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("stamina"), "propagate", False)  # pytest's own handlers
    with stamina.set_testing(False):
        retrying(Busy, attempts=2, first_wait=1, longest_wait=1)(Service(Busy()).answer, "")
    assert waits == [1]
    assert capfd.readouterr() == ("", "")
