"""Time travel of a stack of three databases on the local cloud: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notification.placement import shard_of
from tests.installation import Installation

pytestmark = [pytest.mark.workerd, pytest.mark.soak]

USERS = ("u3", "bob", "dan")
"""One of each database."""
CONFIGS = "SELECT user_id FROM user_configs WHERE user_id IN ('dan', 'bob', 'u3')"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    assert [shard_of(user, 3) for user in USERS] == [0, 1, 2]
    folder: Path = tmp_path_factory.mktemp("three")
    installation = Installation(folder, settings={"shards": 3})
    installation.environment["NOTIFICATION_LOCAL_SETTLED_S"] = "12"
    try:
        installation.up()
        with installation.service() as service:
            for user in USERS:
                config = {"webhook_url": f"{installation.sink_url}/hook/{user}"}
                body = {"user_id": user, "channel_type": "webhook", "config_data": config}
                service.result("POST", "/api/user-configs", body=body)
        yield installation
    finally:
        installation.close()


def ask(installation: Installation, sql: str) -> list[list[dict[str, Any]]]:
    """Run a statement in each database, past the service."""
    outputs = installation.outputs()
    found = []
    for database in outputs["d1_databases"]:
        path = f"/client/v4/accounts/{outputs['account_id']}/d1/database/{database['id']}/query"
        answer = installation.control("POST", path, json={"sql": sql}).raise_for_status()
        found.append(answer.json()["result"][0]["results"])
    return found


def people(installation: Installation) -> list[list[str]]:
    """Who is in each database."""
    return [[row["user_id"] for row in rows] for rows in ask(installation, CONFIGS)]


def forget_copy(installation: Installation, bookmark: str) -> Path:
    """Move the local cloud's copy of one bookmark away, so that nobody can return to it."""
    [copy] = (installation.home / "cloud" / "d1-bookmarks").rglob(f"{bookmark}.sqlite")
    return copy.rename(copy.with_suffix(".away"))


def test_all_databases_return_and_go_forward_again(three: Installation) -> None:
    bookmark = three.ctl_json("db", "bookmark")["bookmark"]
    ask(three, "DELETE FROM user_configs")
    assert people(three) == [[], [], []]
    undo = three.ctl_json("db", "travel", bookmark, "--confirm", "local")["undo"]
    assert people(three) == [[user] for user in USERS]
    three.ctl_json("db", "travel", undo, "--confirm", "local")
    assert people(three) == [[], [], []]
    three.ctl_json("db", "travel", bookmark, "--confirm", "local")
    with three.service() as service:
        for user in USERS:
            found = service.result("GET", "/api/user-configs", query={"user_id": user})
            assert user in str(found)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_where_one_cant_return_all_stay_as_they_were(three: Installation, lost: int) -> None:
    bookmark = three.ctl_json("db", "bookmark")["bookmark"]
    ask(three, "UPDATE user_configs SET is_active = 0")
    away = forget_copy(three, bookmark.partition("@")[0].split(",")[lost])

    refused = three.ctl("db", "travel", bookmark, "--confirm", "local")
    assert refused.returncode == 1, refused.stderr
    assert "did not return, so all databases are as they were" in refused.stderr
    assert [rows for rows in ask(three, CONFIGS + " AND is_active = 1") if rows] == []
    assert people(three) == [[user] for user in USERS]

    away.rename(away.with_suffix(".sqlite"))
    three.ctl_json("db", "travel", bookmark, "--confirm", "local")
    assert len([rows for rows in ask(three, CONFIGS + " AND is_active = 1") if rows]) == 3


def test_nobody_travels_beyond_a_move(three: Installation) -> None:
    bookmark = three.ctl_json("db", "bookmark")["bookmark"]
    three.configure({"shards": 2})
    three.up()
    moved = people(three)
    refused = three.ctl("db", "travel", bookmark, "--confirm", "local")
    assert refused.returncode == 8, refused.stderr
    assert "Recipients have moved between the databases" in refused.stderr
    assert people(three) == moved
    assert sorted(user for users in moved for user in users) == sorted(USERS)
