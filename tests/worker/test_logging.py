"""Structured log lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.logging import MAX_ITEMS, MAX_TEXT, Log, redact
from tests.worker.world import World


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"bot_token": "123456:ABCDEFG"}, {"bot_token": "12***FG"}),
        ({"webhook_url": "https://x.example/secret/path"}, {"webhook_url": "ht***th"}),
        ({"secret": "short"}, {"secret": "***"}),
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
    assert shown["text"] == "x" * MAX_TEXT + "…"
    assert shown["list"] == list(range(MAX_ITEMS))
    assert len(shown["object"]) == MAX_ITEMS
    assert shown["url"] == "https://hooks.example.com/***"
    assert len(json.dumps(shown)) < 6_000
    assert redact("x" * MAX_TEXT) == "x" * MAX_TEXT
