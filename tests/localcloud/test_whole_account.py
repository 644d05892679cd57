"""Every answer of an account's day is the one that is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.localcloud.whole_account import CHAPTERS, FILE, tell


@pytest.fixture(scope="module")
def told() -> Mapping[str, list[dict[str, Any]]]:
    """Tell the story once."""
    return tell()


@pytest.fixture(scope="module")
def written() -> Mapping[str, list[dict[str, Any]]]:
    """Read the file once."""
    found: dict[str, list[dict[str, Any]]] = yaml.load(
        FILE.read_text("utf-8"), Loader=yaml.CSafeLoader
    )
    return found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_answer_of_a_day_is_the_one_that_is_written_down(
    told: Mapping[str, list[dict[str, Any]]],
    written: Mapping[str, list[dict[str, Any]]],
    chapter: str,
) -> None:
    for one, expected in zip(told[chapter], written[chapter], strict=True):
        assert one == expected, one["call"]
