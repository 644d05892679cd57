"""What an isolate remembers."""

from __future__ import annotations

from notification.app.platform import IsolateMemory
from notification.configuration.channel_config import KnownConfigs
from notification.metrics.isolate_counters import IsolateCounters


def test_an_isolate_has_one_object_of_each_class() -> None:
    memory = IsolateMemory()
    counters = memory.of(IsolateCounters)
    counters.request(200, 5)
    assert memory.of(IsolateCounters) is counters
    assert memory.of(KnownConfigs) is memory.of(KnownConfigs)


def test_another_isolate_starts_empty() -> None:
    counted, empty = IsolateMemory(), IsolateMemory()
    counted.of(IsolateCounters).request(401, 5)
    assert counted.of(IsolateCounters).auth_failures == 1
    assert empty.of(IsolateCounters).auth_failures == 0
