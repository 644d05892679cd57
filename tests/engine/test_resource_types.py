"""What is known of each resource type is what is written down, beside the provider's schema."""

from __future__ import annotations

import pytest
import yaml

from tests.engine.resource_types import FILE, tell

WRITTEN = yaml.load(FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_type_is_made_read_changed_and_kept_as_it_is_written_down(name: str) -> None:
    assert tell()[name] == WRITTEN[name]


def test_each_type_is_written_down() -> None:
    assert tell().keys() == WRITTEN.keys()
