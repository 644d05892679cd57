"""Export, import and time travel of D1 databases."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from localcloud.api import d1_copies
from tests.localcloud.running_cloud import RunningCloud

SCHEMA = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, picture BLOB, "
    'weight REAL, "odd ""name" TEXT); CREATE INDEX by_name ON people (name);'
    "CREATE TABLE notes (person INTEGER REFERENCES people (id), text TEXT)"
)
ROWS = (
    "INSERT INTO people VALUES (7, 'O''Brien; -- x', x'00ff', 0.1, NULL), (9, 'ü', NULL, 2, 'y');"
    "INSERT INTO notes VALUES (9, 'line\n;two')"
)


@pytest.fixture
def database(cloud: RunningCloud) -> str:
    """The path of a database with rows of every kind."""
    path = f"/d1/database/{cloud.result('POST', '/d1/database', json={'name': 'db'})['uuid']}"
    cloud.result("POST", f"{path}/query", json={"sql": f"{SCHEMA}; {ROWS}"})
    return path


def exported(cloud: RunningCloud, database: str, **options: object) -> str:
    """The text behind the link that an export hands out."""
    body = {"output_format": "polling", "dump_options": options}
    found = cloud.result("POST", f"{database}/export", json=body)
    assert (found["status"], found["success"]) == ("complete", True)
    return httpx.get(found["result"]["signed_url"], trust_env=False).text


def names(cloud: RunningCloud, database: str) -> list[str]:
    """The people's names as the database has them."""
    sql = "SELECT name FROM people ORDER BY id"
    rows = cloud.result("POST", f"{database}/query", json={"sql": sql})[0]["results"]
    return [row["name"] for row in rows]


def test_an_export_loads_into_sqlite_as_the_same_database(
    cloud: RunningCloud, database: str
) -> None:
    scratch = sqlite3.connect(":memory:")
    scratch.executescript(exported(cloud, database))
    people = scratch.execute("SELECT * FROM people ORDER BY id").fetchall()
    assert people == [(7, "O'Brien; -- x", b"\x00\xff", 0.1, None), (9, "ü", None, 2.0, "y")]
    assert scratch.execute("SELECT * FROM notes").fetchall() == [(9, "line\n;two")]
    assert scratch.execute("SELECT seq FROM sqlite_sequence").fetchall() == [(9,)]
    assert scratch.execute("PRAGMA index_list(people)").fetchall()[0][1] == "by_name"


def test_an_export_holds_what_quote_cuts_and_what_a_pattern_confuses(
    cloud: RunningCloud, database: str
) -> None:
    sql = (
        "CREATE TABLE pcf_rates (a); CREATE TABLE sqlitex (a REFERENCES later (id));"
        "CREATE TABLE later (id INTEGER PRIMARY KEY); INSERT INTO later VALUES (1);"
        "INSERT INTO sqlitex VALUES (1); INSERT INTO pcf_rates VALUES ('a' || char(0) || 'b');"
        "CREATE VIEW shown AS SELECT a FROM pcf_rates"
    )
    cloud.result("POST", f"{database}/query", json={"sql": sql})
    scratch = sqlite3.connect(":memory:")
    scratch.execute("PRAGMA foreign_keys = ON")
    scratch.executescript(f"BEGIN; {exported(cloud, database)} COMMIT;")
    assert scratch.execute("SELECT a FROM shown").fetchall() == [("a\x00b",)]
    assert scratch.execute("SELECT a FROM sqlitex").fetchall() == [(1,)]


def test_an_export_leaves_out_what_is_asked_for(cloud: RunningCloud, database: str) -> None:
    only_rows = exported(cloud, database, no_schema=True, tables=["notes"])
    assert "CREATE" not in only_rows
    assert "people" not in only_rows
    assert "INSERT" not in exported(cloud, database, no_data=True)


def test_an_import_runs_the_uploaded_file_as_a_whole(cloud: RunningCloud, database: str) -> None:
    def ingest(text: str) -> httpx.Response:
        etag = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        begun = cloud.result("POST", f"{database}/import", json={"action": "init", "etag": etag})
        httpx.put(begun["upload_url"], content=text.encode(), trust_env=False).raise_for_status()
        body = {"action": "ingest", "etag": etag, "filename": begun["filename"]}
        return cloud.account("POST", f"{database}/import", json=body)

    answer = ingest("DELETE FROM notes; INSERT INTO people (name) VALUES ('new');")
    assert answer.json()["result"]["result"]["num_queries"] == 2
    assert names(cloud, database) == ["O'Brien; -- x", "ü", "new"]
    refused = ingest("INSERT INTO people (name) VALUES ('lost'); INSERT INTO missing VALUES (1);")
    assert refused.json()["errors"][0]["code"] == 7500
    assert "lost" not in names(cloud, database)


def test_an_upload_that_differs_from_its_etag_is_refused(
    cloud: RunningCloud, database: str
) -> None:
    begun = cloud.result("POST", f"{database}/import", json={"action": "init", "etag": "0" * 32})
    httpx.put(begun["upload_url"], content=b"DELETE FROM people;", trust_env=False)
    body = {"action": "ingest", "etag": "0" * 32, "filename": begun["filename"]}
    assert cloud.error("POST", f"{database}/import", json=body) == (400, 7400)
    assert len(names(cloud, database)) == 2


def test_a_link_with_another_signature_opens_nothing(cloud: RunningCloud, database: str) -> None:
    body = {"output_format": "polling"}
    link = cloud.result("POST", f"{database}/export", json=body)["result"]["signed_url"]
    assert httpx.get(link[:-1] + "x", trust_env=False).status_code == 403
    assert httpx.put(link, content=b"", trust_env=False).status_code == 403
    cloud.local("POST", "/clock", json={"advance_ms": 3_600_001})
    assert httpx.get(link, trust_env=False).status_code == 403


def test_a_bookmark_brings_back_what_was_there(cloud: RunningCloud, database: str) -> None:
    bookmark = cloud.result("GET", f"{database}/time_travel/bookmark")["bookmark"]
    cloud.result("POST", f"{database}/query", json={"sql": "DROP TABLE notes"})
    cloud.result("POST", f"{database}/query", json={"sql": "DELETE FROM people WHERE id = 7"})
    restored = cloud.result("POST", f"{database}/time_travel/restore?bookmark={bookmark}")
    assert names(cloud, database) == ["O'Brien; -- x", "ü"]
    undo = restored["previous_bookmark"]
    cloud.result("POST", f"{database}/time_travel/restore?bookmark={undo}")
    assert names(cloud, database) == ["ü"]


def test_a_bookmark_is_found_by_time_and_an_unknown_one_refused(
    cloud: RunningCloud, database: str
) -> None:
    bookmark = cloud.result("GET", f"{database}/time_travel/bookmark")["bookmark"]
    found = cloud.result("GET", f"{database}/time_travel/bookmark?timestamp=2999-01-01T00:00:00Z")
    assert found["bookmark"] == bookmark
    early = f"{database}/time_travel/bookmark?timestamp=2001-01-01T00:00:00Z"
    assert cloud.error("GET", early) == (400, 7400)
    assert cloud.error("POST", f"{database}/time_travel/restore?bookmark=no") == (400, 7400)


def upload(cloud: RunningCloud, database: str, content: bytes, etag: str) -> tuple[str, str]:
    """Begin an import and upload its file: the file's name, and the upload's ETag."""
    begun = cloud.result("POST", f"{database}/import", json={"action": "init", "etag": etag})
    answer = httpx.put(begun["upload_url"], content=content, trust_env=False)
    return begun["filename"], answer.headers["etag"]


def ingest(cloud: RunningCloud, database: str, filename: str, etag: str) -> httpx.Response:
    body = {"action": "ingest", "etag": etag, "filename": filename}
    return cloud.account("POST", f"{database}/import", json=body)


def test_line_ends_in_values_are_imported_as_they_are(cloud: RunningCloud, database: str) -> None:
    content = b"INSERT INTO notes VALUES (9, 'a\r\nb\rc');\r\n"
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    name, _ = upload(cloud, database, content, etag)
    assert ingest(cloud, database, name, etag).status_code == 200
    sql = "SELECT text FROM notes WHERE text LIKE 'a%'"
    rows = cloud.result("POST", f"{database}/query", json={"sql": sql})[0]["results"]
    assert rows == [{"text": "a\r\nb\rc"}]


def test_an_upload_is_answered_with_the_hash_of_what_came(
    cloud: RunningCloud, database: str
) -> None:
    _, answered = upload(cloud, database, b"other", "0" * 32)
    assert answered == f'"{hashlib.md5(b"other", usedforsecurity=False).hexdigest()}"'


def test_two_databases_import_files_of_one_content(cloud: RunningCloud, database: str) -> None:
    other = f"/d1/database/{cloud.result('POST', '/d1/database', json={'name': 'two'})['uuid']}"
    cloud.result("POST", f"{other}/query", json={"sql": SCHEMA})
    content = b"INSERT INTO people (name) VALUES ('new');"
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    files = {path: upload(cloud, path, content, etag)[0] for path in (database, other)}
    for path, name in files.items():
        assert ingest(cloud, path, name, etag).status_code == 200
        assert "new" in names(cloud, path)


def test_files_of_links_long_expired_are_removed(cloud: RunningCloud, database: str) -> None:
    exported(cloud, database)
    folder = cloud.home.cloud / "d1-files"
    [old] = folder.iterdir()
    exported(cloud, database)
    assert old.exists()
    os.utime(old, (time.time() - 7_300, time.time() - 7_300))
    exported(cloud, database)
    assert not old.exists()
    assert len(list(folder.iterdir())) == 2


def test_the_oldest_bookmark_that_is_kept_can_be_returned_to(
    cloud: RunningCloud, database: str
) -> None:
    first = cloud.result("GET", f"{database}/time_travel/bookmark")["bookmark"]
    cloud.result("POST", f"{database}/query", json={"sql": "DELETE FROM people WHERE id = 7"})
    for _ in range(19):
        cloud.local("POST", "/clock", json={"advance_ms": 1_000})
        cloud.result("GET", f"{database}/time_travel/bookmark")
    cloud.result("POST", f"{database}/time_travel/restore?bookmark={first}")
    assert names(cloud, database) == ["O'Brien; -- x", "ü"]
    cloud.result("GET", f"{database}/time_travel/bookmark")
    gone = f"{database}/time_travel/restore?bookmark={first}"
    assert cloud.error("POST", gone) == (400, 7400)


def test_a_time_without_a_zone_is_utc(
    cloud: RunningCloud, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")  # 14 hours ahead
    time.tzset()
    try:
        cloud.result("GET", f"{database}/time_travel/bookmark")
        now = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
        path = f"{database}/time_travel/bookmark?timestamp={now.isoformat()}"
        assert cloud.account("GET", path).status_code == 200
        assert cloud.error("GET", path.replace(str(now.year), "0001", 1)) == (400, 7400)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_virtual_table_is_exported_by_nobody(cloud: RunningCloud, database: str) -> None:
    sql = "CREATE VIRTUAL TABLE found USING fts5(text); CREATE TABLE creative (a)"
    cloud.result("POST", f"{database}/query", json={"sql": sql})
    body = {"output_format": "polling"}
    answer = cloud.account("POST", f"{database}/export", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"code": 7500, "message": "cannot export databases with Virtual Tables (fts5)"}
    ]
    assert "O''Brien" in exported(cloud, database, tables=["people", "creative"])


@pytest.mark.parametrize(
    ("limits", "one_call"),
    [
        ({"_ONE_CALL_BYTES": 84, "_ONE_CALL_STATEMENTS": 2}, True),
        ({"_ONE_CALL_BYTES": 83, "_ONE_CALL_STATEMENTS": 2}, False),
        ({"_ONE_CALL_BYTES": 84, "_ONE_CALL_STATEMENTS": 1}, False),
    ],
)
def test_what_is_too_large_for_one_call_is_loaded_into_a_copy(
    cloud: RunningCloud,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, int],
    one_call: bool,
) -> None:
    assert (d1_copies._ONE_CALL_BYTES, d1_copies._ONE_CALL_STATEMENTS) == (4 << 20, 20_000)
    for name, value in limits.items():
        monkeypatch.setattr(d1_copies, name, value)
    content = (
        b"INSERT INTO people (name) VALUES ('one');\nINSERT INTO people (name) VALUES ('two');\n"
    )
    assert len(content) == 84
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    answer = ingest(cloud, database, upload(cloud, database, content, etag)[0], etag)
    result = answer.json()["result"]["result"]
    assert (result["num_queries"], result["meta"]["changes"]) == (2, 2)
    # One call tells what it read as well; a copy tells no more than what it wrote.
    assert ("rows_read" in result["meta"]) is one_call
    assert names(cloud, database)[-2:] == ["one", "two"]
