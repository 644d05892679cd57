"""Names of resources: the longest one that is taken, and the first that is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.running_cloud import RunningCloud

KINDS = {
    "database": ("/d1/database", "name", 64, 7400),
    "namespace": ("/storage/kv/namespaces", "title", 512, 10019),
    "queue": ("/queues", "queue_name", 63, 11003),
    "Worker": ("/workers/workers", "name", 63, 10026),
    "bucket": ("/r2/buckets", "name", 63, 10005),
}


def body(kind: str, name: str) -> dict[str, Any]:
    return {KINDS[kind][1]: name}


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_has_a_greatest_length(cloud: RunningCloud, kind: str) -> None:
    path, field, longest, code = KINDS[kind]
    assert cloud.result("POST", path, json=body(kind, "n" * longest))[field] == "n" * longest
    refused = cloud.error("POST", path, json=body(kind, "n" * (longest + 1)))
    assert refused == (400, code)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_not_empty(cloud: RunningCloud, kind: str) -> None:
    path, _, _, code = KINDS[kind]
    assert cloud.error("POST", path, json=body(kind, "")) == (400, code)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("database", "-first"),
        ("database", "a b"),
        ("queue", "Large"),
        ("queue", "under_score"),
        ("queue", "last-"),
        ("Worker", "Large"),
        ("Worker", "a.b"),
        ("bucket", "ab"),
        ("bucket", "Large"),
        ("bucket", "last-"),
    ],
)
def test_a_name_has_only_the_characters_of_its_kind(
    cloud: RunningCloud, kind: str, name: str
) -> None:
    path, _, _, code = KINDS[kind]
    assert cloud.error("POST", path, json=body(kind, name)) == (400, code)
