"""R2 buckets and objects over the v4 API."""

from __future__ import annotations

import pytest

from tests.localcloud.running_cloud import RunningCloud

OBJECTS = "/r2/buckets/backups/objects"


@pytest.fixture
def bucket(cloud: RunningCloud) -> RunningCloud:
    """A cloud with the bucket ``backups``."""
    cloud.result("POST", "/r2/buckets", json={"name": "backups"})
    return cloud


def test_an_object_comes_back_as_it_was_stored(bucket: RunningCloud) -> None:
    stored = bucket.result("PUT", f"{OBJECTS}/day/one.gz", content=b"\x00one")
    assert (stored["key"], stored["size"]) == ("day/one.gz", "4")
    answer = bucket.account("GET", f"{OBJECTS}/day/one.gz")
    assert answer.content == b"\x00one"
    assert answer.headers["etag"] == f'"{stored["etag"]}"'


def test_objects_are_listed_by_prefix(bucket: RunningCloud) -> None:
    for key in ("a/1", "a/2", "b/1"):
        bucket.result("PUT", f"{OBJECTS}/{key}", content=key.encode())
    found = bucket.result("GET", f"{OBJECTS}?prefix=a/")
    assert [(one["key"], one["size"]) for one in found] == [("a/1", 3), ("a/2", 3)]


def test_a_bucket_goes_only_when_it_is_empty(bucket: RunningCloud) -> None:
    bucket.result("PUT", f"{OBJECTS}/one", content=b"same")
    bucket.result("PUT", f"{OBJECTS}/two", content=b"same")
    assert bucket.error("DELETE", "/r2/buckets/backups") == (409, 10008)
    bucket.result("DELETE", f"{OBJECTS}/one")
    assert bucket.account("GET", f"{OBJECTS}/two").content == b"same"
    bucket.result("DELETE", f"{OBJECTS}/two")
    bucket.result("DELETE", "/r2/buckets/backups")
    assert bucket.result("GET", "/r2/buckets") == {"buckets": []}


def test_what_is_not_there_and_what_is_taken_are_refused(bucket: RunningCloud) -> None:
    assert bucket.error("POST", "/r2/buckets", json={"name": "backups"}) == (409, 10004)
    assert bucket.error("POST", "/r2/buckets", json={"name": "Bad Name"}) == (400, 10005)
    assert bucket.error("GET", "/r2/buckets/other") == (404, 10006)
    assert bucket.error("PUT", "/r2/buckets/other/objects/x", content=b"") == (404, 10006)
    assert bucket.error("GET", f"{OBJECTS}/missing") == (404, 10007)


def test_a_long_list_of_objects_goes_on_behind_its_cursor(
    bucket: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.api.r2._LISTED", 2)
    keys = ["a", "b", "c", "d"]
    for key in keys:
        bucket.result("PUT", f"{OBJECTS}/{key}", content=b"1")
    pages, cursor = [], ""
    while True:
        answer = bucket.account("GET", f"{OBJECTS}?cursor={cursor}").json()
        pages.append([one["key"] for one in answer["result"]])
        cursor = answer["result_info"]["cursor"]
        if not answer["result_info"]["is_truncated"]:
            break
    assert pages == [["a", "b"], ["c", "d"]]
    assert cursor == ""


def test_a_key_has_at_most_1024_bytes(bucket: RunningCloud) -> None:
    bucket.result("PUT", f"{OBJECTS}/{'k' * 1024}", content=b"1")
    assert bucket.error("PUT", f"{OBJECTS}/{'k' * 1023}%C3%BC", content=b"1") == (400, 10020)


def test_an_object_is_not_larger_than_the_endpoint_takes(
    bucket: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.api.r2.MAX_OBJECT_BYTES", 3)
    bucket.result("PUT", f"{OBJECTS}/one", content=b"123")
    assert bucket.error("PUT", f"{OBJECTS}/two", content=b"1234") == (400, 100100)


def test_the_bytes_of_an_object_that_is_replaced_are_removed(bucket: RunningCloud) -> None:
    for key, content in (("one", b"first"), ("two", b"first"), ("one", b"second")):
        bucket.result("PUT", f"{OBJECTS}/{key}", content=content)
    folder = bucket.home.cloud / "r2"
    assert sorted(path.read_bytes() for path in folder.iterdir()) == [b"first", b"second"]
    bucket.result("PUT", f"{OBJECTS}/two", content=b"second")
    assert [path.read_bytes() for path in folder.iterdir()] == [b"second"]
    assert bucket.account("GET", f"{OBJECTS}/one").content == b"second"
