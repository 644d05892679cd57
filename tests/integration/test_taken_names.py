"""Names, addresses and consumers that somebody else has are refused before anything is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd
ACCOUNT = "/client/v4/accounts/00000000000000000000000000000001"
WORKER = "notification-system-local"
HOST, PATTERN = "notify.example.test", "api.example.test/notify*"
ADDRESSES = {"customDomain": HOST, "zoneName": "example.test", "routePattern": PATTERN}
LISTS = ("d1/database", "storage/kv/namespaces", "queues")
IDS = {"d1/database": "uuid", "queues": "queue_id", "workers/workers": "id"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("taken"), settings=ADDRESSES)
    try:
        assert made.ctl("local", "start").returncode == 0
        yield made
    finally:
        made.close()


def call(cloud: Installation, method: str, path: str, body: Any = None) -> Any:
    """A call outside Pulumi, below the account or from the root on."""
    url = path if path.startswith("/") else f"{ACCOUNT}/{path}"
    answer = cloud.control(method, url, json=body)
    assert answer.status_code < 300, f"{method} {path}: {answer.text}"
    return answer.json()["result"] if answer.content else None


def routes(cloud: Installation) -> str:
    [zone] = call(cloud, "GET", "/client/v4/zones")
    return f"/client/v4/zones/{zone['id']}/workers/routes"


def serving(cloud: Installation) -> dict[str, int]:
    newest = call(cloud, "GET", f"workers/scripts/{WORKER}/deployments")["deployments"][0]
    return {part["version_id"]: part["percentage"] for part in newest["versions"]}


def checked(cloud: Installation) -> dict[str, Any]:
    skips = [part for name in ("types", "tests", "work-tree") for part in ("--skip", name)]
    result = cloud.ctl("check", "--stack", "local", "--json", *skips)
    [found] = [c for c in json.loads(result.stdout)["checks"] if c["check"] == "account"]
    return dict(found)


def test_a_stack_whose_names_are_taken_stops_before_it_makes_anything(
    cloud: Installation,
) -> None:
    queue = call(cloud, "POST", "queues", {"queue_name": "failed-queue-local"})
    for command in ("preview", "up"):
        refused = cloud.ctl(command, "--stack", "local")
        assert refused.returncode == 4, refused.stdout
        assert f"the queue failed-queue-local ({queue['queue_id']})" in refused.stderr
        assert "notifyctl import --stack local" in refused.stderr
    # A pull request's stack asks for its own names as well.
    pulls = call(cloud, "POST", "queues", {"queue_name": "failed-queue-pr-9"})
    refused = cloud.ctl("pr", "up", "9", "--from", "local", "--skip-verify")
    assert refused.returncode == 4, refused.stdout
    assert f"the queue failed-queue-pr-9 ({pulls['queue_id']})" in refused.stderr
    assert [len(call(cloud, "GET", path)) for path in LISTS] == [0, 0, 2]
    assert call(cloud, "GET", "workers/workers") == []
    for one in (queue, pulls):
        call(cloud, "DELETE", f"queues/{one['queue_id']}")


def test_addresses_of_another_worker_are_refused_first_and_taken_over_by_name(
    cloud: Installation,
) -> None:
    call(cloud, "POST", "workers/workers", {"name": "shop"})
    call(cloud, "PUT", "workers/domains", {"hostname": HOST, "service": "shop"})
    call(cloud, "POST", routes(cloud), {"pattern": PATTERN, "script": "shop"})

    for command in ("preview", "up"):
        refused = cloud.ctl(command, "--stack", "local")
        assert refused.returncode == 4, refused.stdout
        assert f"customDomain: {HOST} leads to the Worker shop." in refused.stderr
    assert [len(call(cloud, "GET", path)) for path in LISTS] == [0, 0, 0]

    assert checked(cloud)["result"] == "fail"
    cloud.configure({**ADDRESSES, "takeOver": [HOST, PATTERN]})
    # What was edited a moment ago is judged, and not the rendering of the command before.
    assert checked(cloud)["result"] == "ok"

    # What a first deployment made before it failed is named, with both ways on.
    assert cloud.ctl("local", "fault", "add", "workers versions 403").returncode == 0
    failed = cloud.ctl("up", "--stack", "local")
    assert cloud.ctl("local", "fault", "clear").returncode == 0
    assert failed.returncode == 4, failed.stdout
    made = failed.stderr.partition("Created so far: ")[2]
    for path, key in IDS.items():
        for item in call(cloud, "GET", path):
            assert item["name" if key == "id" else key] == "shop" or item[key] in made, path
    assert "'notifyctl up --stack local' goes on from there" in made
    assert "'notifyctl destroy --stack local' removes it" in made
    cloud.up()
    assert [d["service"] for d in call(cloud, "GET", "workers/domains")] == [WORKER]
    assert [r["script"] for r in call(cloud, "GET", routes(cloud))] == [WORKER]
    assert cloud.up()["changed"] == 0
    assert checked(cloud)["result"] == "ok"


def test_what_another_worker_took_meanwhile_is_refused_while_the_old_version_serves(
    cloud: Installation,
) -> None:
    before = serving(cloud)
    path = f"queues/{cloud.outputs()['retry_queue_id']}/consumers"
    [consumer] = call(cloud, "GET", path)
    call(cloud, "DELETE", f"{path}/{consumer['consumer_id']}")
    call(cloud, "POST", path, {"type": "worker", "script_name": "shop"})
    cloud.configure({**ADDRESSES, "logLevel": "warn"})

    found = checked(cloud)
    assert found["result"] == "fail"
    assert "queue retry-queue-local: the Worker shop consumes it" in found["found"]
    refused = cloud.ctl("up", "--stack", "local")
    assert refused.returncode == 4
    assert "the Worker shop consumes it" in refused.stderr
    assert serving(cloud) == before

    drift = cloud.ctl("drift", "--stack", "local", "--json")
    assert drift.returncode == 7
    findings = json.loads(drift.stdout)["findings"]
    assert {(one["kind"], one["found"]) for one in findings} == {
        ("consumer", "shop"),
        ("consumer", "nothing"),
    }
    # A repair deploys nothing new: with the settings that are deployed it may.
    cloud.configure({**ADDRESSES, "takeOver": [HOST, PATTERN]})
    repaired = cloud.ctl("drift", "--stack", "local", "--repair")
    assert repaired.returncode == 0, repaired.stderr


def test_a_deployment_that_fails_after_the_traffic_moved_is_a_release_to_go_back_from(
    cloud: Installation,
) -> None:
    [shop] = [w for w in call(cloud, "GET", "workers/workers") if w["name"] == "shop"]
    call(cloud, "DELETE", f"workers/workers/{shop['id']}")
    cloud.up()
    before = serving(cloud)
    schedules = f"{ACCOUNT}/workers/scripts/{WORKER}/schedules"
    cloud.configure({**ADDRESSES, "logLevel": "error", "crons": ["7 * * * *"]})
    fault = cloud.ctl("local", "fault", "add", "workers schedules 403")
    assert fault.returncode == 0, fault.stderr

    failed = cloud.ctl("up", "--stack", "local")

    assert failed.returncode == 4, failed.stdout
    after = serving(cloud)
    assert after != before
    listed = cloud.ctl_json("releases", "--stack", "local")
    assert {listed[0]["version_id"]: listed[0]["percentage"]} == after

    # Before the cause is mended: traffic goes back, and what is left is named.
    back = cloud.ctl_json("rollback", "--stack", "local", "--yes", "--reason", "the test's")
    assert serving(cloud) == before
    assert "schedules" in back["unfinished"], back
    assert cloud.ctl("local", "fault", "clear").returncode == 0
    assert cloud.control("GET", schedules).json()["result"]["schedules"][0]["cron"] != "7 * * * *"
    ended = cloud.ctl("up", "--stack", "local")
    assert ended.returncode == 0, ended.stderr
    assert serving(cloud) == before
