"""A backup goes to a bucket and back as two files, the description last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ops.database import bucket as bucket_module
from ops.database.backup_file import BackupFile
from ops.database.bucket import BackupBucket
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError, UsageError
from tests.ops.answering_service import AnsweringService, answering_service


@pytest.fixture
def api() -> Iterator[AnsweringService]:
    with answering_service() as service:
        yield service


def bucket(api: AnsweringService) -> BackupBucket:
    return BackupBucket(StackAccount("dev", "a" * 32, api.url, True, "t" * 40), "backups")


@pytest.fixture
def backup(tmp_path: Path) -> BackupFile:
    sql = tmp_path / "dump.sql"
    sql.write_bytes(b"SELECT 1;\n")
    return BackupFile(
        path=tmp_path / "notify-1.sql.gz",
        stack="dev",
        database_id="d",
        schema_level=1,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tables={},
        file_sha256="",
    ).write(sql, None)


def targets(api: AnsweringService) -> list[tuple[str, str]]:
    return [(call["method"], call["target"].partition("/r2/")[2]) for call in api.seen]


def test_the_description_is_uploaded_after_the_dump(
    api: AnsweringService, backup: BackupFile
) -> None:
    api.answers = [(200, b'{"success": true, "result": {}}')]
    assert bucket(api).put(backup) == ("dev/notify-1.sql.gz", f"dev/{backup.manifest.name}")
    assert [call["body"] for call in api.seen] == [
        backup.path.read_bytes(),
        backup.manifest.read_bytes(),
    ]
    assert int(api.seen[0]["headers"]["content-length"]) == backup.path.stat().st_size
    assert targets(api)[0][0] == "PUT"
    assert targets(api)[0][1].startswith("buckets/backups/objects/dev")


@pytest.mark.parametrize(("room", "fits"), [(0, True), (-1, False)])
def test_a_dump_of_the_largest_size_still_goes(
    api: AnsweringService,
    backup: BackupFile,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    fits: bool,
) -> None:
    monkeypatch.setattr(bucket_module, "MAX_BYTES", backup.path.stat().st_size + room)
    api.answers = [(200, b'{"success": true, "result": {}}')]
    if fits:
        assert len(bucket(api).put(backup)) == 2
        return
    with pytest.raises(UsageError, match="larger than 300 MB"):
        bucket(api).put(backup)
    assert api.seen == []


def test_a_backup_comes_back_readable_by_its_owner_alone(
    api: AnsweringService, backup: BackupFile, tmp_path: Path
) -> None:
    api.answers = [(200, backup.manifest.read_bytes()), (200, backup.path.read_bytes())]
    name = backup.manifest.name.removesuffix(".json")
    found = bucket(api).get(name, tmp_path / "there")
    found.unpack(tmp_path / "unpacked.sql", None)
    assert (tmp_path / "unpacked.sql").read_bytes() == b"SELECT 1;\n"
    assert {path.stat().st_mode & 0o777 for path in (found.path, found.manifest)} == {0o600}
    assert [method for method, _ in targets(api)] == ["GET", "GET"]


def test_the_names_are_those_of_the_stack_in_order(api: AnsweringService) -> None:
    keys = ("dev/b.json", "dev/a.json", "dev/a.sql.gz", "dev/c.sql.gz")
    body = {"success": True, "result": [{"key": key} for key in keys], "result_info": {}}
    api.answers = [(200, json.dumps(body).encode())]
    assert bucket(api).names() == ("a", "b")
    assert "prefix=dev%2F" in api.seen[0]["target"]


def test_a_download_that_breaks_off_is_told_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Cut(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"ten letters")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cut)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        cut = BackupBucket(StackAccount("dev", "a" * 32, url, True, "t" * 40), "backups")
        with pytest.raises(OperationError, match=r"n-1\.json from the bucket backups broke off"):
            cut.get("n-1", tmp_path)
    finally:
        server.shutdown()
        server.server_close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", ".."])
def test_a_name_leads_to_no_other_folder(api: AnsweringService, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a backup"):
        bucket(api).get(name, tmp_path)
    assert api.seen == []
