"""Structured log lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.logging import Log, redact
from tests.worker.world import World


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
