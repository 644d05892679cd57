"""Scripts uploaded as a form, with what they inherit, and their secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.localcloud.running_cloud import RunningCloud

SCRIPT = "/workers/scripts/shop"
MAIN = ("index.js", "export default {}", "application/javascript+module")
PLAIN = {"type": "plain_text", "name": "PLAIN", "text": "value"}
SECRET = {"type": "secret_text", "name": "KEY", "text": "hidden"}


def upload(
    cloud: RunningCloud,
    *,
    method: str = "PUT",
    path: str = SCRIPT,
    query: str = "",
    **metadata: Any,
) -> tuple[int, Any]:
    """Send the smallest script; answers the status and the result, or the error's code."""
    files = [
        ("metadata", (None, json.dumps({"main_module": "index.js", **metadata}))),
        ("index.js", MAIN),
        ("index.js.map", ("index.js.map", "{}", "application/source-map")),
    ]
    answer = cloud.account(method, path + query, files=files)
    document = answer.json()
    found = document["result"] if document["success"] else document["errors"][0]["code"]
    return answer.status_code, found


def bindings(cloud: RunningCloud) -> dict[str, str]:
    """The bindings of the newest version, by name, with their types."""
    newest = cloud.result("GET", f"{SCRIPT}/versions")["items"][0]["id"]
    found = cloud.result("GET", f"{SCRIPT}/versions/{newest}")["resources"]["bindings"]
    return {binding["name"]: binding["type"] for binding in found}


def test_an_upload_makes_the_script_and_deploys_it(cloud: RunningCloud) -> None:
    status, found = upload(cloud, bindings=[PLAIN], tags=["red"], logpush=True)
    assert status == 200
    assert (found["id"], found["tags"], found["logpush"]) == ("shop", ["red"], True)
    (deployment,) = cloud.result("GET", f"{SCRIPT}/deployments")["deployments"]
    (share,) = deployment["versions"]
    assert share["version_id"].replace("-", "") == found["deployment_id"]
    assert share["percentage"] == 100
    (version,) = cloud.host.versions.values()
    assert version["moduleTypes"] == {"index.js": "application/javascript+module"}


def test_a_refused_first_upload_leaves_no_script(cloud: RunningCloud) -> None:
    cloud.host.boot = lambda _, __: (422, {"error": {"code": "boot_failed", "message": "no"}})
    assert upload(cloud) == (400, 10021)
    assert cloud.result("GET", "/workers/scripts") == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"main_module": None},
        {"main_module": "other.js"},
        {"main_module": None, "body_part": "index.js"},
        {"migrations": {"new_tag": "v1"}},
        {"bindings": [{"type": "vectorize", "name": "V"}]},
        {"bindings": [PLAIN, PLAIN]},
        {"compatibility_date": "today"},
        {"annotations": {"workers/alias": "main"}},
    ],
)
def test_what_is_not_run_here_is_refused(cloud: RunningCloud, metadata: dict[str, Any]) -> None:
    assert upload(cloud, **metadata) == (400, 10021)
    assert cloud.result("GET", "/workers/scripts") == []


def test_a_form_without_metadata_or_without_a_form_is_refused(cloud: RunningCloud) -> None:
    assert cloud.error("PUT", SCRIPT, files={"index.js": MAIN}) == (400, 10021)
    assert cloud.error("PUT", SCRIPT, files={"metadata": (None, "{")}) == (400, 10021)
    assert cloud.error("PUT", SCRIPT, content=b"export default {}") == (400, 10021)


def test_bindings_are_inherited_or_kept_as_the_upload_says(cloud: RunningCloud) -> None:
    upload(cloud, bindings=[PLAIN, SECRET])
    inherit = {"type": "inherit", "name": "PLAIN"}
    upload(cloud, bindings=[inherit], keep_bindings=["secret_text"])
    assert bindings(cloud) == {"PLAIN": "plain_text", "KEY": "secret_text"}
    newest = list(cloud.host.versions.values())[-1]
    values = {binding["name"]: binding.get("text") for binding in newest["bindings"]}
    assert values == {"PLAIN": "value", "KEY": "hidden"}
    upload(cloud, bindings=[])
    assert bindings(cloud) == {}


def test_bindings_are_answered_by_name_with_rate_limits_last(cloud: RunningCloud) -> None:
    limit = {"type": "ratelimit", "namespace_id": "1", "simple": {"limit": 1, "period": 60}}
    given = [{**PLAIN, "name": "C"}, {**limit, "name": "A"}, {**SECRET, "name": "B"}]
    upload(cloud, bindings=given)
    assert list(bindings(cloud)) == ["B", "C", "A"]


@pytest.mark.parametrize("name", ["id", "database_id"])
def test_a_database_is_bound_by_either_name_of_its_id(cloud: RunningCloud, name: str) -> None:
    database = cloud.result("POST", "/d1/database", json={"name": "db"})["uuid"]
    upload(cloud, bindings=[{"type": "d1", "name": "DB", name: database}])
    newest = cloud.result("GET", f"{SCRIPT}/versions")["items"][0]["id"]
    (found,) = cloud.result("GET", f"{SCRIPT}/versions/{newest}")["resources"]["bindings"]
    assert (found["id"], found["database_id"]) == (database, database)
    assert list(cloud.host.versions.values())[-1]["bindings"] == [
        {"name": "DB", "type": "d1", "id": database}
    ]
    unknown = [{"type": "d1", "name": "DB", name: "f" * 32}]
    assert upload(cloud, bindings=unknown) == (400, 10181)


def test_only_a_strict_upload_fails_where_there_is_nothing_to_inherit(cloud: RunningCloud) -> None:
    upload(cloud)
    nothing = [{"type": "inherit", "name": "NOTHING"}]
    assert upload(cloud, bindings=nothing, query="?bindings_inherit=strict") == (400, 10057)
    status, _ = upload(cloud, bindings=nothing)
    assert (status, bindings(cloud)) == (200, {})


def test_a_version_alone_is_not_deployed(cloud: RunningCloud) -> None:
    upload(cloud)
    status, found = upload(cloud, method="POST", path=f"{SCRIPT}/versions", bindings=[PLAIN])
    assert (status, found["number"]) == (200, 2)
    (deployment,) = cloud.result("GET", f"{SCRIPT}/deployments")["deployments"]
    assert deployment["versions"][0]["version_id"] != found["id"]


def test_the_modules_come_back_as_they_were(cloud: RunningCloud) -> None:
    upload(cloud)
    answer = cloud.account("GET", f"{SCRIPT}/content/v2")
    assert answer.headers["cf-entrypoint"] == "index.js"
    assert answer.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b"export default {}" in answer.content
    assert b"source-map" not in answer.content
    assert cloud.error("GET", f"{SCRIPT}/content/v2?version=none") == (404, 100146)


def test_a_secret_is_put_listed_and_removed_and_never_shown(cloud: RunningCloud) -> None:
    upload(cloud, bindings=[PLAIN])
    secret = {"name": "KEY", "text": "hidden", "type": "secret_text"}
    assert cloud.result("PUT", f"{SCRIPT}/secrets", json=secret) == {
        "name": "KEY",
        "type": "secret_text",
    }
    assert cloud.result("GET", f"{SCRIPT}/secrets") == [{"name": "KEY", "type": "secret_text"}]
    assert "hidden" not in cloud.account("GET", f"{SCRIPT}/settings").text
    assert bindings(cloud) == {"PLAIN": "plain_text", "KEY": "secret_text"}
    cloud.result("DELETE", f"{SCRIPT}/secrets/KEY")
    assert cloud.error("GET", f"{SCRIPT}/secrets/KEY") == (404, 10056)
    assert cloud.error("DELETE", f"{SCRIPT}/secrets/KEY") == (404, 10056)


def test_a_secret_is_refused_while_the_newest_version_is_not_deployed(cloud: RunningCloud) -> None:
    upload(cloud)
    upload(cloud, method="POST", path=f"{SCRIPT}/versions")
    secret = {"name": "KEY", "text": "hidden", "type": "secret_text"}
    assert cloud.error("PUT", f"{SCRIPT}/secrets", json=secret) == (400, 10215)


def test_many_secrets_change_in_one_version(cloud: RunningCloud) -> None:
    upload(cloud, bindings=[PLAIN, SECRET])
    new = {"name": "NEW", "text": "x", "type": "secret_text"}
    body = {"secrets": {"NEW": new, "KEY": None}}
    found = cloud.result("PATCH", f"{SCRIPT}/secrets-bulk", json=body)
    assert found == {"NEW": {"name": "NEW", "type": "secret_text"}}
    assert cloud.result("GET", f"{SCRIPT}/versions")["items"][0]["number"] == 2


def test_settings_keep_what_is_named_and_drop_the_rest(cloud: RunningCloud) -> None:
    upload(cloud, bindings=[PLAIN, SECRET])
    wanted = {"bindings": [{"type": "secret_text", "name": "KEY"}], "logpush": True}
    form = {"settings": (None, json.dumps(wanted))}
    found = cloud.result("PATCH", f"{SCRIPT}/settings", files=form)
    assert found["logpush"] is True
    assert bindings(cloud) == {"KEY": "secret_text"}
    cloud.result("PATCH", f"{SCRIPT}/settings", json={"compatibility_date": "2026-09-01"})
    assert bindings(cloud) == {"KEY": "secret_text"}


@pytest.mark.parametrize("binding", [{}, {"type": "plain_text", "name": []}, {"name": "PLAIN"}])
def test_settings_with_a_binding_without_a_name_or_type_are_refused(
    cloud: RunningCloud, binding: dict[str, Any]
) -> None:
    upload(cloud, bindings=[PLAIN])
    path, body = f"{SCRIPT}/settings", {"bindings": [binding]}
    assert cloud.error("PATCH", path, json=body) == (400, 10021)
    assert bindings(cloud) == {"PLAIN": "plain_text"}


def test_a_service_is_what_wrangler_reads_and_deletes(cloud: RunningCloud) -> None:
    assert cloud.error("GET", "/workers/services/shop") == (404, 10090)
    upload(cloud, tags=["red"])
    script = cloud.result("GET", "/workers/services/shop")["default_environment"]["script"]
    assert (script["id"], script["tags"], script["last_deployed_from"]) == ("shop", ["red"], "api")
    assert cloud.error("DELETE", "/workers/services/shop?force=perhaps") == (400, 10026)
    cloud.result("DELETE", "/workers/services/shop?force=false")
    assert cloud.result("GET", "/workers/scripts") == []


def test_a_forced_delete_takes_the_consumers_along(cloud: RunningCloud) -> None:
    upload(cloud)
    queue = cloud.result("POST", "/queues", json={"queue_name": "jobs"})["queue_id"]
    consumer = {"type": "worker", "script_name": "shop"}
    cloud.result("POST", f"/queues/{queue}/consumers", json=consumer)
    assert cloud.error("DELETE", "/workers/services/shop") == (400, 10064)
    cloud.result("DELETE", "/workers/services/shop?force=true")
    assert cloud.result("GET", f"/queues/{queue}/consumers") == []


def test_routes_of_a_script_are_replaced_as_a_whole(cloud: RunningCloud) -> None:
    upload(cloud)
    wanted = [{"pattern": "example.test/a/*"}, {"pattern": "*.example.test/b"}]
    cloud.result("PUT", f"{SCRIPT}/routes", json=wanted)
    cloud.result("PUT", f"{SCRIPT}/routes", json=wanted[1:])
    zone = cloud.http.get("/zones").json()["result"][0]["id"]
    found = cloud.http.get(f"/zones/{zone}/workers/routes").json()["result"]
    assert [route["pattern"] for route in found] == ["*.example.test/b"]
    foreign = [{"pattern": "other.example/*"}]
    assert cloud.error("PUT", f"{SCRIPT}/routes", json=foreign) == (400, 10022)


def test_a_custom_domain_moves_only_when_it_is_asked_for(cloud: RunningCloud) -> None:
    upload(cloud)
    upload(cloud, path="/workers/scripts/other")
    origins = {"origins": [{"hostname": "a.example.test"}]}
    cloud.result("PUT", f"{SCRIPT}/domains/records", json=origins)
    other = "/workers/scripts/other/domains/records"
    assert cloud.error("PUT", other, json=origins) == (409, 100117)
    cloud.result("PUT", other, json={**origins, "override_existing_origin": True})
    (domain,) = cloud.result("GET", "/workers/domains")
    assert domain["service"] == "other"


def test_a_purged_queue_is_empty_and_goes_on(cloud: RunningCloud) -> None:
    queue = cloud.result("POST", "/queues", json={"queue_name": "jobs"})["queue_id"]
    cloud.send(queue, b'{"n": 1}')
    path = f"/queues/{queue}/purge"
    assert cloud.error("POST", path, json={"delete_messages_permanently": False}) == (400, 10026)
    assert cloud.result("GET", path)["completed"] == "false"
    cloud.result("POST", path, json={"delete_messages_permanently": True})
    assert cloud.result("GET", f"/queues/{queue}/metrics")["backlog_count"] == 0
    assert cloud.result("GET", path)["completed"] == "true"
    assert cloud.send(queue, b'{"n": 2}').status_code == 200
