"""An encrypted backup is an age file, and what was sealed in the earlier form is still read."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.database.backup import Backups
from ops.database.backup_file import BackupFile, now, working_folder
from ops.stacks.errors import GateClosed, OperationError, UsageError

SQL = b"CREATE TABLE t (a TEXT);\nINSERT INTO t VALUES ('x');\n"
PASSPHRASE = "a passphrase of these tests"

# Written by age 1.1.1: age -p -o dump.sql.gz.age dump.sql.gz
BY_AGE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCAzd0pWNTdTRkZJcjMzcjF6MklOWlpRIDE4CmpTY2c1L0d6Rj"
    "dBUFZ0RmJPWGJydklnYytGQzBFYUFnVEZjcnRrY3hWWkkKLS0tIHdwUHlCeWRsTUNhQXZ0bmxZVzFaWVc1NEVOVm5N"
    "a2IxSVVjN2F6dXVESUUKlXSXXlPfRu3R6al+ydf263rwYElC19b2up7H25ijZ3JbMSNPA56BBc60WMaD6et08WpRKc"
    "KWEPWDRWZhDnkABzhOuw5T5oIrdk8BgUvax2Q5hNzkDvQPAYQQ0Prc9E0hrHbnpFqq"
)
# Written before encrypted backups became age files.
EARLIER_FORM = base64.b64decode(
    "bm90aWZpY2F0aW9uLWJhY2t1cC0xCl3ZJ1KJB/4eiv9vc+T/H0k0JV4KJ5LisDWP1Xcdryg+JH7J+xrj1feXRnWnIB"
    "VjYrS84uwX2ud5VBIXhm5BfvXFI49vAyIGbztSQyHu3JoxsQ+DoLXZMMDPFsva6S3KljrG+U7OZ4TeBMtO2HJMSzTH"
    "JT+QPsjQOXlMhO3feA=="
)


def backup(path: Path, content: bytes = b"") -> BackupFile:
    if content:
        path.write_bytes(content)
    return BackupFile(
        path=path,
        stack="local",
        database_id="d",
        schema_level=1,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tables={},
        file_sha256=hashlib.sha256(content).hexdigest(),
    )


def dump(folder: Path) -> Path:
    path = folder / "dump.sql"
    path.write_bytes(SQL)
    return path


def unpacked(found: BackupFile, passphrase: str | None) -> bytes:
    path = found.path.with_name("unpacked.sql")
    found.unpack(path, passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_bytes()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> BackupFile:
    """One file for the module: its key takes about a second to derive."""
    path = tmp_path_factory.mktemp("backups") / "n-1.sql.gz.age"
    return backup(path).write(dump(path.parent), PASSPHRASE)


def test_an_encrypted_backup_is_an_age_file_with_a_passphrase(encrypted: BackupFile) -> None:
    content = encrypted.path.read_bytes()
    # The first lines of the format: the version, and the only kind of recipient it has.
    assert content.splitlines()[0] == b"age-encryption.org/v1"
    assert content.splitlines()[1].startswith(b"-> scrypt ")
    assert b"CREATE" not in content
    assert encrypted.path.stat().st_mode & 0o777 == 0o600


def test_it_is_found_by_either_file_and_read_back(encrypted: BackupFile) -> None:
    for path in (encrypted.path, encrypted.manifest):
        found = BackupFile.read(path)
        assert found == encrypted
        assert found.is_sealed
    assert unpacked(encrypted, PASSPHRASE) == SQL


@pytest.mark.parametrize(
    ("name", "content"),
    [("n-1.sql.gz.age", BY_AGE), ("n-1.sql.gz.sealed", EARLIER_FORM)],
    ids=["by-age-itself", "earlier-form"],
)
def test_files_of_age_itself_and_of_the_earlier_form_are_read(
    tmp_path: Path, name: str, content: bytes
) -> None:
    found = backup(tmp_path / name, content)
    assert found.is_sealed
    assert unpacked(found, PASSPHRASE) == SQL
    with pytest.raises(UsageError, match=r"doesn't open n-1\.sql\.gz\."):
        unpacked(found, "another passphrase, a wrong one")
    with pytest.raises(UsageError, match=r"is sealed\. Put its passphrase into NOTIFYCTL_B"):
        unpacked(found, None)


@pytest.mark.parametrize("content", [BY_AGE[:60], EARLIER_FORM[:30]])
def test_a_file_that_was_cut_before_it_was_described_is_no_crash(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(UsageError, match="doesn't open"):
        unpacked(backup(tmp_path / "n-1.sql.gz.age", content), PASSPHRASE)


def test_a_file_that_changed_is_not_opened(tmp_path: Path) -> None:
    found = backup(tmp_path / "n-1.sql.gz.age", BY_AGE)
    found.path.write_bytes(BY_AGE[:-1])
    with pytest.raises(OperationError, match="damaged or changed"):
        unpacked(found, PASSPHRASE)


def test_a_backup_without_a_passphrase_is_plain_gzip(tmp_path: Path) -> None:
    found = backup(tmp_path / "n-1.sql.gz").write(dump(tmp_path), None)
    assert not found.is_sealed
    assert gzip.decompress(found.path.read_bytes()) == SQL == unpacked(found, None)


def described(folder: Path, name: str, **changes: object) -> BackupFile:
    found = backup(folder / f"{name}.sql.gz").write(dump(folder), None)
    document = {**found.document(), **changes}
    found.manifest.write_text(json.dumps(document))
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"taken_at": "2026-01-01T00:00:00"},
        {"verified_at": "2026-01-01T00:00:00"},
        {"taken_at": 5},
        {"tables": []},
        {"tables": {"a": 5}},
        {"file": 5},
    ],
)
def test_a_description_of_another_form_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    found = described(tmp_path, "n-1", **changes)
    with pytest.raises(UsageError, match=r"n-1\.json doesn't describe a backup"):
        BackupFile.read(found.path)


def test_a_description_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "n-1.json").mkdir()
    with pytest.raises(UsageError, match=r"n-1\.json can't be read: Is a directory"):
        BackupFile.read(tmp_path / "n-1.json")


def backups(folder: Path) -> Backups:
    database: Any = SimpleNamespace(name="n", database_id="d", stack="local")
    return Backups(database, folder)


def test_the_newest_backup_is_that_of_this_database_with_a_description(tmp_path: Path) -> None:
    assert backups(tmp_path).newest() is None
    described(tmp_path, "n-1", taken_at="2026-01-01T00:00:00+00:00")
    newest = described(tmp_path, "n-2", taken_at="2026-01-03T00:00:00+00:00")
    described(tmp_path, "n-3", taken_at="2026-01-02T00:00:00+00:00")
    described(tmp_path, "n-4", taken_at="2026-01-04T00:00:00+00:00", database_id="another")
    # A run that was killed between its two files leaves one of them: that is no backup.
    (tmp_path / "n-5.sql.gz").write_bytes(b"x")
    (tmp_path / ".n-6.sql.gz.new").write_bytes(b"x")
    found = backups(tmp_path).newest()
    assert found is not None
    assert found.path == newest.path


@pytest.mark.parametrize(
    ("minutes", "is_verified", "is_fresh"),
    [(0, True, True), (59, True, True), (61, True, False), (0, False, False)],
)
def test_a_backup_is_fresh_for_an_hour_once_it_was_verified(
    tmp_path: Path, minutes: int, is_verified: bool, is_fresh: bool
) -> None:
    taken = now() - timedelta(minutes=minutes)
    verified = taken.isoformat() if is_verified else None
    described(tmp_path, "n-1", taken_at=taken.isoformat(), verified_at=verified)
    if is_fresh:
        assert backups(tmp_path).require_fresh(what="A restore").taken_at == taken
        return
    with pytest.raises(GateClosed, match=r"A restore of 'local' needs a verified backup"):
        backups(tmp_path).require_fresh(what="A restore")


@pytest.mark.parametrize(
    ("age", "is_left"), [(0, True), (23.9, True), (24.1, False), (-48, True), (480, False)]
)
def test_a_folder_that_a_killed_run_left_goes_after_a_day(
    tmp_path: Path, age: float, is_left: bool
) -> None:
    left = tmp_path / ".unpacked-x"
    left.mkdir()
    (left / "dump.sql").write_text("x")
    moment = datetime.now(UTC).timestamp() - age * 3600
    os.utime(left, (moment, moment))
    with working_folder(tmp_path) as folder:
        assert (folder.parent, folder.name.startswith(".unpacked-")) == (tmp_path, True)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert left.exists() == is_left
    assert not folder.exists()


def test_the_files_of_a_backup_have_no_time_but_its_own(tmp_path: Path) -> None:
    written = backup(tmp_path / "n-1.sql.gz").write(dump(tmp_path), None)
    content = written.path.read_bytes()
    # RFC 1952: the magic, deflate, no flags, and four bytes of a time that isn't there.
    assert content[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    assert gzip.decompress(content) == SQL
    assert written.file_sha256 == hashlib.sha256(content).hexdigest()
    assert written.manifest.read_text() == (
        "{\n"
        '  "format": 1,\n'
        '  "file": "n-1.sql.gz",\n'
        f'  "file_sha256": "{written.file_sha256}",\n'
        '  "sealed": false,\n'
        '  "stack": "local",\n'
        '  "database_id": "d",\n'
        '  "schema_level": 1,\n'
        '  "taken_at": "2026-01-01T00:00:00+00:00",\n'
        '  "verified_at": null,\n'
        '  "tables": {}\n'
        "}\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("dump.sql", "n-1.json", "n-1.sql.gz"),
    ]
