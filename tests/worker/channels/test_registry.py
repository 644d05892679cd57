"""The registry of channels."""

from __future__ import annotations

import pytest

from notification.channels.registry import CHANNELS


@pytest.mark.requirement("C-1.1", "C-4")
def test_the_contracts_four_channels_are_there_in_its_order() -> None:
    assert list(CHANNELS)[:4] == ["webhook", "telegram", "lark", "slack"]
    assert {CHANNELS[name].name for name in CHANNELS} == set(CHANNELS)
