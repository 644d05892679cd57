"""What is larger than any other body goes in parts, up to the limit that Cloudflare has for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.localcloud.running_cloud import RunningCloud

OBJECT = "/r2/buckets/backups/objects/one"
LARGE = b"-- " + b"x" * 5_000
BODY = 4_096


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningCloud]:
    """A cloud with a bucket, whose other bodies are smaller than ``LARGE``."""
    monkeypatch.setattr("localcloud.server.MAX_BODY_BYTES", BODY)
    with RunningCloud(tmp_path / "home") as running:
        running.result("POST", "/r2/buckets", json={"name": "backups"})
        yield running


def sent(cloud: RunningCloud, sql: bytes) -> tuple[str, httpx.Response]:
    """Upload a file for an import into a new database."""
    uuid = cloud.result("POST", "/d1/database", json={"name": "db"})["uuid"]
    path = f"/d1/database/{uuid}/import"
    etag = hashlib.md5(sql, usedforsecurity=False).hexdigest()
    begun = cloud.result("POST", path, json={"action": "init", "etag": etag})
    return path, httpx.put(begun["upload_url"], content=sql, trust_env=False)


def test_a_database_and_an_object_are_larger_than_any_other_body(bucket: RunningCloud) -> None:
    sql = LARGE + b"\n;CREATE TABLE t (a)"
    _, answer = sent(bucket, sql)
    assert answer.status_code == 200
    stored = bucket.result("PUT", OBJECT, content=LARGE)
    assert (stored["size"], stored["etag"]) == (
        str(len(LARGE)),
        hashlib.md5(LARGE, usedforsecurity=False).hexdigest(),
    )
    assert bucket.account("GET", OBJECT).content == LARGE
    # The limit stays for everything else.
    assert bucket.account("POST", "/r2/buckets", content=LARGE).status_code == 413


def test_an_object_above_its_own_limit_leaves_nothing(
    bucket: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.api.r2.MAX_OBJECT_BYTES", len(LARGE) - 1)
    assert bucket.error("PUT", OBJECT, content=LARGE) == (400, 100100)
    assert bucket.error("GET", OBJECT) == (404, 10007)
    assert list((bucket.home.cloud / "r2").iterdir()) == []
    monkeypatch.setattr("localcloud.api.r2.MAX_OBJECT_BYTES", len(LARGE))
    bucket.result("PUT", OBJECT, content=LARGE)


def test_a_file_above_the_imports_limit_leaves_nothing(
    bucket: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.api.d1_transfer.MAX_FILE_BYTES", len(LARGE) - 1)
    _, answer = sent(bucket, LARGE)
    assert answer.status_code == 413
    assert list((bucket.home.cloud / "d1-files").iterdir()) == []
