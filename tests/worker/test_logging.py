"""Structured log lines."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification import logging
from notification.logging import Log, redact
from tests.worker.world import World


class _Pair(NamedTuple):
    one: object
    two: object


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"bot_token": "123456:ABCDEFG"}, {"bot_token": "12***FG"}),
        ({"webhook_url": "https://x.example/secret/path"}, {"webhook_url": "ht***th"}),
        ({"secret": "12345678"}, {"secret": "***"}),
        ({"secret": "123456789"}, {"secret": "12***89"}),
        ({"secret": 123456789}, {"secret": "12***89"}),
        ({"tokens": ["123456789", ("1234567890",)]}, {"tokens": ["12***89", ["12***90"]]}),
        (
            {"error": "http://h.example:0/ and http://h.example:99999/"},
            {"error": "http://h.example/*** and ***"},
        ),
        ({"text": True, "part": 0.5}, {"text": True, "part": 0.5}),
        (
            {"nested": [{"Authorization": "Bearer abcdef"}]},
            {"nested": [{"Authorization": "Be***ef"}]},
        ),
        (
            {"error": "at https://h.example:8/a?b=c now"},
            {"error": "at https://h.example:8/*** now"},
        ),
        ({"error": "https://user:pw@h.example/x"}, {"error": "https://h.example/***"}),
        ({"duration": 5, "path": "/api/logs"}, {"duration": 5, "path": "/api/logs"}),
        ({"token": None}, {"token": None}),
    ],
)
@pytest.mark.requirement("C-12.1", "B-39")
def test_what_is_secret_is_hidden(fields: dict[str, object], shown: dict[str, object]) -> None:
    assert redact(fields) == shown


@given(st.text(min_size=9, max_size=50), st.sampled_from(["password", "api_key", "X-Signature"]))
def test_no_secret_value_survives_whole(value: str, key: str) -> None:
    assert value not in str(redact({key: value})[key])


@pytest.mark.requirement("C-12.1")
def test_lines_below_the_configured_level_are_not_written(world: World) -> None:
    world.environment["LOG_LEVEL"] = "warn"
    log = Log.of(world.platform(), requestId="r")
    log.write("info", "quiet")
    log.write("error", "loud")
    [line] = world.log_sink.lines
    assert (line["message"], line["level"], line["requestId"]) == ("loud", "error", "r")
    assert (line["environment"], line["versionId"]) == ("production", "version-1")


@pytest.mark.requirement("C-12.1")
def test_long_texts_lists_and_objects_are_cut() -> None:
    value = {
        "text": "x" * 900_000,
        "list": list(range(1_000)),
        "object": {f"k{number}": number for number in range(1_000)},
        "n" * 5_000: "y" * 5_000,
        "url": "https://hooks.example.com/" + "z" * 5_000,
    }
    shown = redact(value)
    assert shown["text"] == "x" * 1_000 + "…"
    assert shown["list"] == list(range(50))
    assert shown["object"] == {f"k{number}": number for number in range(50)}
    assert shown["n" * 1_000] == "y" * 1_000 + "…"
    assert shown["url"] == "https://hooks.example.com/***"
    assert len(json.dumps(shown)) < 6_000
    assert redact("x" * 1_000) == "x" * 1_000
    assert redact("x" * 1_001) == "x" * 1_000 + "…"


def test_a_line_has_its_fields_in_order_and_those_of_its_request(world: World) -> None:
    world.clock.ms += 7
    log = Log.of(world.platform(), requestId="r", gathered=[])
    assert log.gather(a=1) is True
    other = log.of_request("s")
    assert (log.of_request("r"), log.of_request(None)) == (log, log)
    assert other.gather(a=1) is False
    other.write("warn", "at https://h.example/x", ü="é")
    [text] = world.log_sink.texts
    assert text == (
        '{"timestamp":"2026-01-01T00:00:00.007Z","level":"warn",'
        '"message":"at https://h.example/***","ü":"é",'
        '"environment":"production","versionId":"version-1","requestId":"s"}'
    )


@pytest.mark.parametrize("least", ["debug", "info", "warn", "error"])
def test_a_level_lets_itself_and_those_above_through(world: World, least: str) -> None:
    levels = ["debug", "info", "warn", "error"]
    world.environment["LOG_LEVEL"] = least
    log = Log.of(world.platform())
    for level in levels:
        log.write(level, "m")
    assert [line["level"] for line in world.log_sink.lines] == levels[levels.index(least) :]


@pytest.fixture
def fresh_names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names that lines have had, none at first."""
    names: set[str] = set()
    monkeypatch.setattr(logging, "_plain_names", names)
    logging._is_sensitive.cache_clear()
    return names


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1, "texts": ["a", None, 1.5, True], "nested": [{"n": 1, "deep": {"n": "ü"}}]},
        {"n": [{"n": {"bot_token": "123456:ABCDEFG"}}]},
        {"n": _Pair(1, {"secret": "123456789"})},
        {"n": "at https://h.example/x"},
        {"n": [["at https://h.example/x"]]},
        {"n": "x" * 1_000, "m": "y" * 1_000},
        {"n": "x" * 1_001},
        {"n": 'x"' * 501},
        {"n": ["x" * 600 + "\n" + "x" * 600]},
        {"n" * 1_001: 1},
        {"n": list(range(50)), "m": [0] * 200},
        {"n": [{"m": list(range(51))}]},
        {"n": {f"k{number}": number for number in range(51)}},
    ],
)
@pytest.mark.usefixtures("fresh_names")
def test_a_line_shows_the_same_whenever_it_is_written(
    world: World, fields: dict[str, object]
) -> None:
    log = Log.of(world.platform())
    shown = json.loads(json.dumps(redact(fields)))
    for _ in range(3):
        log.write("info", "at https://h.example/x", **fields)
        log.write("info", "m", **fields)
    for line in world.log_sink.lines:
        assert {name: line[name] for name in shown} == shown
        assert line["message"] in ("m", "at https://h.example/***")
    texts = world.log_sink.texts
    assert texts[::2] == [texts[0]] * 3
    assert texts[1::2] == [texts[1]] * 3


_FIELDS = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["https://h.example/x", "y" * 1_001]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["n", "m", "token"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["n", "m", "api_key"]), _FIELDS))
def test_no_field_of_a_line_escapes_redaction(fields: dict[str, object]) -> None:
    world = World()
    Log.of(world.platform()).write("info", "names are known", n=1, m=1, token=1, api_key=1)
    Log.of(world.platform()).write("info", "m", **fields)
    line = world.log_sink.lines[-1]
    shown = redact(fields)
    assert {name: line[name] for name in shown} == shown


@pytest.mark.usefixtures("fresh_names")
def test_a_line_of_known_names_is_not_gone_through_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log.of(world.platform())
    fields = {"n": 1, "attempts": [{"m": "text"}, {"m": "x" * 900}]}
    log.write("info", "m", **fields)
    monkeypatch.setattr(logging, "_redact", None)
    log.write("info", "m", **fields)
    first, second = world.log_sink.texts
    assert first == second


def test_no_more_than_256_names_are_kept(world: World, fresh_names: set[str]) -> None:
    log = Log.of(world.platform())
    for number in range(300):
        log.write("info", "m", **{f"k{number}": 1})
    assert len(fresh_names) == 256
    log.write("info", "m", k299="https://h.example/x")
    assert world.log_sink.lines[-1]["k299"] == "https://h.example/***"
