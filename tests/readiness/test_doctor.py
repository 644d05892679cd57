"""``notifyctl doctor`` on a sound stack, and on one from which something was taken."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd


def looked(installation: Installation, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and the outcomes by the name of their check."""
    result = installation.ctl("doctor", "--stack", "local", "--json", *arguments)
    document: dict[str, Any] = json.loads(result.stdout)
    return result.returncode, {one["check"]: one for one in document["checks"]}


@contextmanager
def account_without(
    installation: Installation, table: str, column: str, value: str
) -> Iterator[None]:
    """Lose a store past the API, which would refuse, and bring it back."""
    path = installation.home / "cloud" / "control-plane.sqlite3"
    where = f"FROM {table} WHERE {column} = ?"
    with closing(sqlite3.connect(path, timeout=30)) as database:
        with database:
            [row] = database.execute(f"SELECT * {where}", (value,)).fetchall()
            database.execute(f"DELETE {where}", (value,))
        try:
            yield
        finally:
            marks = ", ".join("?" * len(row))
            with database:
                insert = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - the test's own name
                database.execute(insert, row)


@pytest.mark.requirement("S0-03")
def test_a_sound_stack_passes_every_check(deployed: Installation) -> None:
    code, found = looked(deployed)
    assert code == 0
    assert {one["result"] for one in found.values()} == {"ok"}
    for tool in ("python", "node", "git"):
        assert re.fullmatch(r"\d+(\.\d+)+", found[tool]["found"])
    cli = found["pulumi"]["found"]
    assert cli == "not installed, and this stack doesn't need it" or cli[0].isdigit()
    assert deployed.outputs()["d1_database_id"] in found["binding DB"]["found"]
    shown = deployed.ctl("doctor", "--stack", "local")
    assert shown.returncode == 0
    for name in found:
        assert re.search(rf"^ok +{re.escape(name)} ", shown.stdout, re.MULTILINE)


@pytest.mark.requirement("S0-56")
def test_a_database_that_is_gone_is_named_beside_those_that_are_listed(
    deployed: Installation,
) -> None:
    identifier = deployed.outputs()["d1_database_id"]
    with account_without(deployed, "d1_databases", "uuid", identifier):
        code, found = looked(deployed)
    assert code == 1
    assert found["binding DB"]["result"] == "fail"
    assert identifier in found["binding DB"]["found"]
    assert "which lists none" in found["binding DB"]["found"]
    assert "notifyctl db restore --stack local" in found["binding DB"]["advice"]
    assert found["tables"]["result"] == "skipped"


@pytest.mark.soak
@pytest.mark.requirement("S0-56")
def test_a_table_that_is_missing_is_named_with_the_command_that_makes_it(
    deployed: Installation,
) -> None:
    deployed.sql("ALTER TABLE system_configs RENAME TO taken_away")
    try:
        code, found = looked(deployed)
    finally:
        deployed.sql("ALTER TABLE taken_away RENAME TO system_configs")
    assert code == 1
    assert "system_configs" in found["tables"]["found"]
    assert "notifyctl db migrate --stack local" in found["tables"]["advice"]


@pytest.mark.soak
@pytest.mark.requirement("S0-57", "S0-59")
def test_what_is_gone_is_named_with_the_command_and_the_command_mends_it(
    deployed: Installation,
) -> None:
    outputs = deployed.outputs()
    namespace, queue = outputs["kv_namespace_id"], outputs["failed_queue_name"]
    path = deployed.home / "cloud" / "control-plane.sqlite3"
    with closing(sqlite3.connect(path, timeout=30)) as database, database:
        database.execute("DELETE FROM kv_namespaces WHERE id = ?", (namespace,))
        [gone] = database.execute("SELECT queue_id FROM queues WHERE queue_name = ?", (queue,))
        database.execute("DELETE FROM queue_consumers WHERE queue_id = ?", gone)
        database.execute("DELETE FROM queues WHERE queue_name = ?", (queue,))
    code, found = looked(deployed)
    assert code == 1
    failed = {name for name, one in found.items() if one["result"] == "fail"}
    assert failed == {"binding CONFIG_CACHE", "binding FAILED_QUEUE"}
    assert namespace in found["binding CONFIG_CACHE"]["found"]
    assert queue in found["binding FAILED_QUEUE"]["found"]
    for name in failed:
        advice = found[name]["advice"]
        assert advice.endswith("notifyctl drift --stack local --repair")
    command = advice.partition("notifyctl ")[2].split()
    assert deployed.ctl(*command).returncode == 0
    assert looked(deployed)[0] == 0


@pytest.mark.requirement("S0-54", "S0-05")
def test_a_token_that_lacks_a_permission_fails_and_one_that_has_too_many_is_warned_of(
    deployed: Installation,
) -> None:
    path = deployed.home / "cloud" / "api-token"
    own = path.read_text()
    made = _minted(deployed, "Workers Scripts Write", "Workers R2 Storage Write")
    path.write_text(made)
    try:
        code, found = looked(deployed)
    finally:
        path.write_text(own)
    assert code == 1
    assert "D1 → Edit" in found["token"]["found"]
    assert "R2 Storage → Edit" in found["token scopes"]["found"]
    assert found["token scopes"]["result"] == "warn"
    assert made not in json.dumps(found)


def _minted(installation: Installation, *names: str) -> str:
    """A token with these permissions that may also read itself."""
    account = f"/client/v4/accounts/{installation.outputs()['account_id']}"
    groups = installation.control("GET", f"{account}/tokens/permission_groups").json()["result"]
    wanted = {*names, "Account API Tokens Read"}
    chosen = [{"id": group["id"]} for group in groups if group["name"] in wanted]
    policy = {
        "effect": "allow",
        "permission_groups": chosen,
        "resources": {f"com.cloudflare.api.account.{installation.outputs()['account_id']}": "*"},
    }
    answer = installation.control(
        "POST", f"{account}/tokens", json={"name": "narrow", "policies": [policy]}
    )
    return str(answer.raise_for_status().json()["result"]["value"])


@pytest.mark.requirement("S0-58")
def test_the_signature_is_explained_without_the_key_and_a_call_is_really_signed(
    deployed: Installation,
) -> None:
    code, found = looked(deployed, "--signature")
    assert code == 0
    assert found["key"]["found"] == "64 characters"
    assert " 0 s " in found["clock"]["found"] or " 1 s " in found["clock"]["found"]
    timestamp, method, path, digest = found["text to sign"]["found"].strip("'").split("\\n")
    assert (method, path) == ("POST", "/api/notifications/send")
    assert timestamp.isdigit()
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert found["signed call"]["found"].endswith("answered 200")
    assert deployed.outputs()["api_secret_key"] not in json.dumps(found)
