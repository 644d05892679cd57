"""A live tail goes on when its connection breaks or its time is over, and ends where it must."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.observe.tail import live_tail
from ops.observe.tail.live_tail import ConnectionEnded, LiveTail
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, ServiceError
from tests.ops.answering_service import answering_service
from tests.ops.observe.tail.tail_server import ACCOUNT, TailServer

pytestmark = pytest.mark.requirement("S0-45", "S0-116")


class Clock:
    """Time as the tail sees it: it passes by pauses alone, and where a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(live_tail, "time", found)
    return found


@contextmanager
def served(
    *connections: Sequence[str | int], protocol: str = "trace-v1", binary: bool = False
) -> Iterator[TailServer]:
    server = TailServer(connections, protocol=protocol, binary=binary)
    try:
        yield server
    finally:
        server.close()


def tail_of(server: TailServer, notices: list[str]) -> LiveTail:
    account = StackAccount("local", ACCOUNT, server.base_url, True, "token")
    return LiveTail(account, "w", notices.append)


def texts(tail: LiveTail, most: int) -> list[str]:
    lines = (line.message for line in tail.lines() if line is not None)
    return list(itertools.islice(lines, most))


@pytest.mark.parametrize(
    ("end", "why"),
    [("cut", "the connection was cut"), (1011, "the server closed with 1011")],
)
def test_a_connection_that_breaks_is_made_again(clock: Clock, end: str | int, why: str) -> None:
    notices: list[str] = []
    with served(["before", end], ["after"]) as server:
        assert texts(tail_of(server, notices), 2) == ["before", "after"]

    watching = "Watching w; Ctrl-C ends it."
    assert notices == [watching, f"The tail broke off ({why}); connecting again.", watching]
    assert clock.pauses == [1.0]
    assert server.opened == 2


def test_an_account_that_is_away_for_a_while_is_asked_again(clock: Clock) -> None:
    notices: list[str] = []
    with served(["before", "cut"], ["down"], ["refused"], ["after"]) as server:
        assert texts(tail_of(server, notices), 2) == ["before", "after"]

    assert clock.pauses == [1.0, 2.0, 4.0]
    assert "Cloudflare refused to open a tail of w: no, code 1 (HTTP 403)" in notices[2]
    assert "the server answered 503" in notices[3]


def test_it_gives_up_after_some_tries_and_says_what_to_do(clock: Clock) -> None:
    notices: list[str] = []
    with served(["before", "cut"], ["refused"]) as server:
        lines = tail_of(server, notices).lines()
        assert next(line.message for line in lines if line is not None) == "before"
        with pytest.raises(ServiceError, match=r"isn't available: .*503.*notifyctl diagnose"):
            next(lines)

    assert clock.pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert server.opened == 6
    assert sorted(server.ended) == [f"tail-{number}" for number in range(6)]


def test_the_first_refusal_is_told_at_once(clock: Clock) -> None:
    with served(["down"]) as server, pytest.raises(OperationError, match="open a tail of w"):
        texts(tail_of(server, []), 1)
    assert clock.pauses == []


def test_a_polite_end_ends_the_tail(clock: Clock) -> None:
    notices: list[str] = []
    with served(["only", 1000]) as server:
        assert texts(tail_of(server, notices), 5) == ["only"]
    assert notices[-1] == "Cloudflare ended the tail."
    assert (server.opened, clock.pauses) == (1, [])


def test_the_next_tail_is_opened_before_the_last_ones_time_is_over(clock: Clock) -> None:
    notices: list[str] = []
    with served(["first"], ["second"]) as server:
        lines = tail_of(server, notices).lines()
        assert next(line.message for line in lines if line is not None) == "first"
        # A hundred years, less the minute by which the next one comes before that.
        clock.now += 101 * 366 * 86_400.0
        assert next(line.message for line in lines if line is not None) == "second"
        assert server.ended == ["tail-0"]
        lines.close()

    assert (server.ended, clock.pauses) == (["tail-0", "tail-1"], [])
    assert notices == ["Watching w; Ctrl-C ends it."] * 2


def test_traces_come_as_text_or_as_binary_after_the_clients_own_message(clock: Clock) -> None:
    with served(["größer"], binary=True) as server:
        assert texts(tail_of(server, []), 1) == ["größer"]
        assert server.debug == ['{"debug": false}']


def test_a_trace_may_have_mebibytes_and_one_without_measure_ends_its_connection_alone(
    clock: Clock,
) -> None:
    large, notices = "x" * (2 << 20), list[str]()
    with served([large, "x" * (17 << 20)], ["after"]) as server:
        found = texts(tail_of(server, notices), 2)
    assert (len(found[0]), found[1]) == (len(large), "after")
    assert "The tail broke off (the connection broke: " in notices[1]
    assert clock.pauses == [1.0]


def test_nothing_of_a_connection_is_waited_for_without_end(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[float] = []
    asked: list[dict[str, Any]] = []

    def create_connection(address: object, timeout: float) -> None:
        opened.append(timeout)

    def connect(url: str, **settings: Any) -> None:
        asked.append(settings)
        raise OSError("away")

    monkeypatch.setattr("socket.create_connection", create_connection)
    monkeypatch.setattr(live_tail, "connect", connect)
    account = StackAccount("local", ACCOUNT, "http://127.0.0.1:9", True, "token")
    tail = LiveTail(account, "w", lambda notice: None)
    with pytest.raises(ConnectionEnded, match="can't be reached: away"):
        tail._connected("ws://127.0.0.1:9/")
    assert opened == [20.0]
    seconds = {name: value for name, value in asked[0].items() if name.endswith(("out", "val"))}
    assert seconds == {
        "open_timeout": 20.0,
        "ping_interval": 10.0,
        "ping_timeout": 10.0,
        "close_timeout": 2.0,
    }


def test_a_server_that_speaks_another_protocol_is_no_tail(clock: Clock) -> None:
    with (
        served(["never"], protocol="") as server,
        pytest.raises(ServiceError, match="the server doesn't speak trace-v1"),
    ):
        texts(tail_of(server, []), 1)


def test_a_local_tail_follows_neither_a_redirect_nor_a_proxy(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    notices: list[str] = []
    with served(["moved"], ["after"]) as server:
        assert texts(tail_of(server, notices), 1) == ["after"]
        assert server.opened == 2
    assert clock.pauses == [1.0]


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("{:%Y-%m-%dT%H:%M:%SZ}", 7200),
        ("{:%Y-%m-%dT%H:%M:%S}", 7200),
        ("2020-01-01T00:00:00Z", 120),
        ("0001-01-01T00:00:00Z", 120),
        ("soon", 3600),
        (None, 3600),
        (5, 3600),
    ],
)
def test_a_tail_lasts_until_its_end_or_a_bearable_while(moment: Any, seconds: int) -> None:
    later = datetime.now(UTC) + timedelta(seconds=seconds)
    text = moment.format(later) if isinstance(moment, str) else moment
    assert seconds - 5 <= live_tail._seconds_until(text) <= seconds


@pytest.mark.parametrize("result", [None, 5, {}, {"id": "t"}, []])
def test_a_tail_that_is_answered_in_another_form_is_refused(result: Any) -> None:
    with answering_service() as api:
        api.answers = [(200, json.dumps({"success": True, "result": result}).encode())]
        account = StackAccount("local", ACCOUNT, api.url, True, "token")
        with pytest.raises(OperationError, match="unknown form when asked to open a tail of w"):
            next(LiveTail(account, "w", lambda _: None).lines())
