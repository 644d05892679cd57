"""The sink is asked until the message is there, or patience ends."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.stacks.sink import PATIENCE, has_arrived
from tests.ops.answering_service import answering_service


class Clock:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def listing(*bodies: object) -> tuple[int, bytes]:
    return 200, json.dumps({"messages": [{"body": body} for body in bodies]}).encode()


def test_it_asks_again_until_the_text_is_there() -> None:
    clock = Clock()
    with answering_service() as sink:
        sink.answers = [listing(), listing("another"), listing("another", "the code is 4711")]
        found = has_arrived(sink.url, "/hook/ada", "4711", now=clock.now, sleep=clock.sleep)
    assert found is True
    assert len(clock.slept) == 2
    target = urlsplit(sink.seen[0]["target"])
    assert (target.path, parse_qs(target.query)["path"]) == ("/api/messages", ["/hook/ada"])


def test_a_text_inside_a_json_body_counts() -> None:
    clock = Clock()
    with answering_service() as sink:
        sink.answers = [listing({"content": "the code is 4711"})]
        assert has_arrived(sink.url, "/hook/ada", "4711", now=clock.now, sleep=clock.sleep)


def test_patience_ends_after_its_seconds() -> None:
    clock = Clock()
    with answering_service() as sink:
        sink.answers = [listing("another")]
        found = has_arrived(sink.url, "/hook/ada", "4711", now=clock.now, sleep=clock.sleep)
    assert found is False
    assert PATIENCE <= clock.seconds - 100 < PATIENCE + 0.2


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"messages": [5]}', b'{"messages": 5}']
)
def test_a_sink_that_gives_another_answer_is_asked_again(body: bytes) -> None:
    clock = Clock()
    with answering_service() as sink:
        sink.answers = [(502, body), listing("the code is 4711")]
        assert has_arrived(sink.url, "/hook/ada", "4711", now=clock.now, sleep=clock.sleep)
    assert len(clock.slept) == 1


def test_a_sink_that_is_gone_has_seen_nothing() -> None:
    clock = Clock()
    with answering_service() as sink:
        gone = sink.url
    assert not has_arrived(gone, "/hook/ada", "4711", now=clock.now, sleep=clock.sleep)
