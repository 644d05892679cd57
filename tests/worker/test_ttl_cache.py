"""The cache in an isolate's memory."""

from __future__ import annotations

from notification.ttl_cache import TtlCache


def test_an_entry_lives_for_its_time() -> None:
    cache: TtlCache[str, int] = TtlCache(ttl_ms=100)
    cache.put("a", 1, now_ms=1_000)
    assert cache.get("a", now_ms=1_100) == 1
    assert cache.get("a", now_ms=1_101) is None


def test_an_entry_of_a_clock_that_was_ahead_is_not_used() -> None:
    cache: TtlCache[str, int] = TtlCache(ttl_ms=100)
    cache.put("a", 1, now_ms=1_000)
    assert cache.get("a", now_ms=999) is None


def test_the_least_recently_used_entry_makes_room() -> None:
    cache: TtlCache[str, int] = TtlCache(max_entries=2)
    cache.put("a", 1, now_ms=0)
    cache.put("b", 2, now_ms=0)
    assert cache.get("a", now_ms=0) == 1
    cache.put("c", 3, now_ms=0)
    assert [cache.get(key, now_ms=0) for key in "abc"] == [1, None, 3]


def test_a_dropped_entry_is_gone_and_an_unknown_one_is_no_error() -> None:
    cache: TtlCache[str, int] = TtlCache()
    cache.put("a", 1, now_ms=0)
    cache.drop("a")
    cache.drop("b")
    assert cache.get("a", now_ms=0) is None
