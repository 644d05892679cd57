"""A long text costs each channel steps in proportion to its length."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS

POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
TEXTS = {
    "brackets": "<",
    "c++": 'std::cout << "x" << y << std::endl;\n',
    "stars": "**a** _b_ [x](y ",
}

GIVEN = {
    "16,000 brackets": "<" * 16_000,
    "50 KB of C++": 'std::cout << "x" << y << std::endl;\n' * 1_400,
    "100,000 brackets": "<" * 100_000,
}
"""Texts that once took seconds, or the process."""

MAX_STEPS = 300
"""Lines of Python for a character: twice what the costliest takes, mrkdwn that is cut into sections
by bisection. Work that grows with the square of the length takes thousands."""


MAX_STEPS_OF_A_LONG_TEXT = 100
"""Less than above, since a channel looks no further than it sends."""


def _lines_run(name: str, kind: str, content: str) -> int:
    """Return how many lines of Python it takes to compose the calls."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    message = Message("id", "u1", content, "S", kind, None)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        CHANNELS[name].compose(message, dict(CHANNELS[name].sample), policy=POLICY, now_ms=0)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", ["text", "markdown", "html"])
@pytest.mark.parametrize("name", list(CHANNELS))
def test_a_text_takes_a_bounded_number_of_steps_for_each_character(
    name: str, kind: str, text: str
) -> None:
    unit = TEXTS[text]
    for length in (4_000, 16_000):
        content = unit * (length // len(unit))
        assert _lines_run(name, kind, content) <= MAX_STEPS * len(content) + 2_000


@pytest.mark.requirement("S5-5")
@pytest.mark.parametrize("text", GIVEN)
@pytest.mark.parametrize("kind", ["text", "markdown", "html"])
@pytest.mark.parametrize("name", list(CHANNELS))
def test_texts_that_once_took_seconds_take_few_steps(name: str, kind: str, text: str) -> None:
    content = GIVEN[text]
    lines = _lines_run(name, kind, content)
    assert lines <= MAX_STEPS_OF_A_LONG_TEXT * len(content)
