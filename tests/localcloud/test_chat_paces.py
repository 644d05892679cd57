"""How the chat fakes count calls: how long the next one waits, to the millisecond."""

from __future__ import annotations

import pytest

from localcloud.sink.chat.api import Bucket, Quota


def test_a_quota_lets_so_many_calls_through_in_any_span_of_time() -> None:
    quota = Quota(3, 1.5)
    for now in (100, 100, 400):
        assert quota.wait_ms("a", now) == 0
        quota.take("a", now)
    waits = [quota.wait_ms("a", now) for now in (400, 1_599, 1_600)]
    assert waits == [1_200, 1, 0]
    quota.take("a", 1_600)
    quota.take("a", 1_600)
    assert [quota.wait_ms("a", now) for now in (1_600, 1_899, 1_900)] == [300, 1, 0]
    assert quota.wait_ms("b", 400) == 0


def test_a_bucket_holds_a_burst_and_gets_its_tokens_back_in_time() -> None:
    bucket = Bucket(125, 3)  # one in 8 milliseconds
    for _ in range(3):
        assert bucket.wait_ms("a", 1_000) == 0
        bucket.take("a", 1_000)
    waits = [bucket.wait_ms("a", now) for now in (1_000, 1_001, 1_007, 1_008, 1_009)]
    assert waits == [8, 7, 1, 0, 0]
    bucket.take("a", 1_008)
    assert bucket.wait_ms("a", 1_008) == 8
    assert bucket.wait_ms("b", 1_000) == 0


@pytest.mark.parametrize(("later", "calls"), [(23, 2), (24, 3), (60_000, 3)])
def test_a_bucket_never_holds_more_than_its_burst(later: int, calls: int) -> None:
    bucket = Bucket(125, 3)
    for _ in range(3):
        bucket.take("a", 0)
    let_through = 0
    while not bucket.wait_ms("a", later):
        bucket.take("a", later)
        let_through += 1
    assert let_through == calls
