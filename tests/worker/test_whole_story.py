"""Every answer, row and message of a day is as it was read through; see `whole_story`."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from tests.worker.whole_story import ADMINISTRATION, FILE, tell, tell_of_administration


@cache
def told() -> dict[str, Any]:
    return tell()


@cache
def expected() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("chapter", expected())
def test_a_chapter_ends_as_it_did(chapter: str) -> None:
    """Where it is to end otherwise, run `python -m tests.worker.whole_story`."""
    assert told()[chapter] == expected()[chapter]


def test_no_chapter_is_left_out() -> None:
    assert list(told()) == list(expected())


def test_every_call_of_an_operator_answers_as_it_did() -> None:
    """Where one is to answer otherwise, run `python -m tests.worker.whole_story`."""
    found = tell_of_administration()
    expected = yaml.safe_load(ADMINISTRATION.read_text(encoding="utf-8"))
    assert [each["call"] for each in found] == [each["call"] for each in expected]
    for now, before in zip(found, expected, strict=True):
        assert now == before
