"""Stacks that aren't local live their whole life with the real CLI, by the docs as written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.names import Names
from tests.closed_network.network import IN_A_CLOSED_NETWORK, ROOT
from tests.closed_network.operator import ACCOUNT, Operator
from tests.closed_network.world import SUBDOMAIN, ZONE

pytestmark = [*IN_A_CLOSED_NETWORK, pytest.mark.soak]
HOST = f"notify.{ZONE}"
PATTERN = f"api.{ZONE}/notify*"
UNCHECKED = ("--skip", "tests", "--skip", "types", "--skip", "dependencies")
"""What a copied checkout has no files for."""
Work = Callable[[str], Operator]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    """Put an operator to work on a stack."""
    with Operator.at_work(tmp_path) as operator:

        def begin(stack: str) -> Operator:
            operator.stack = stack
            return operator

        yield begin


def require_unchanged(operator: Operator) -> None:
    operator.ctl("preview", "--stack", operator.stack, "--expect-no-changes")


def version_now(operator: Operator) -> str:
    [version] = operator.serving()
    return version


def test_production_comes_through_its_gates_changes_goes_back_and_is_not_lost(work: Work) -> None:
    operator = work("production")
    stack = ("--stack", "production")
    shutil.copy(ROOT / "deployment-windows.yaml", operator.project.root)
    operator.set_up(approvers=["ada", "grace"])
    told = operator.fails("deploy", *stack, *UNCHECKED, code=8)
    assert "failed: " in told
    assert "confirmations" in told
    ready = ("deploy", *stack, *UNCHECKED, "--override", "a rehearsal", "--confirm", "all")
    both = ("--approved-by", "ada", "--approved-by", "grace")
    assert "needs 2 different people" in operator.fails(*ready, *both[:2], *both[:2], code=8)
    stranger = ("--approved-by", "eve")
    assert "eve may not approve" in operator.fails(*ready, *both[:2], *stranger, code=8)
    assert set(map(len, operator.ids().values())) == {0}

    first = json.loads(operator.ctl(*ready, *both, "--json"))
    assert first["result"] == "succeeded"
    stores = operator.ids()
    assert [len(found) for found in stores.values()] == [1, 1, 2, 1]
    require_unchanged(operator)
    before = version_now(operator)
    operator.release("Another release")
    operator.ctl(*ready, *both)
    assert version_now(operator) != before
    assert operator.json("rollback", "--yes", "--reason", "a rehearsal")["version_id"] == before
    require_unchanged(operator)
    assert operator.ids() == stores

    told = operator.fails("destroy", *stack, "--yes", code=8)
    assert "are protected, and nothing was removed" in told
    assert operator.ids() == stores
    operator.ctl("destroy", *stack, "--yes", "--unprotect", "production")
    assert set(map(len, operator.ids().values())) == {0}


def test_domain_and_route_come_change_and_go_and_what_went_by_hand_is_gone(work: Work) -> None:
    operator = work("development")
    stack = ("--stack", "development")
    operator.set_up(zoneName=ZONE, customDomain=HOST, routePattern=PATTERN)
    operator.api("POST", "workers/workers", {"name": "shop"})
    operator.api("PUT", "workers/domains", {"hostname": HOST, "service": "shop"})
    operator.faults.calls()
    told = operator.fails("up", *stack, code=4)
    assert f"failed: preconditions: customDomain: {HOST} leads to the Worker shop. Add" in told
    assert operator.faults.changes() == [], "a refusal ends before anything is tried"
    [domain] = operator.api("GET", "workers/domains")
    operator.api("DELETE", f"workers/domains/{domain['id']}")

    assert operator.json("up")["service_url"] == f"https://{HOST}"
    require_unchanged(operator)
    other = f"other.{ZONE}"
    operator.configure(customDomain=other)
    assert operator.json("up")["service_url"] == f"https://{other}"
    assert [one["hostname"] for one in operator.api("GET", "workers/domains")] == [other]
    require_unchanged(operator)

    [domain] = operator.api("GET", "workers/domains")
    operator.api("DELETE", f"workers/domains/{domain['id']}")
    operator.configure(customDomain=None, routePattern=None, zoneName=None)
    operator.ctl("up", *stack)
    require_unchanged(operator)
    [database] = operator.ids()["d1/database"]
    operator.api("DELETE", f"d1/database/{database}")
    operator.ctl("destroy", *stack, "--yes")
    shop = [one["name"] for one in operator.api("GET", "workers/workers")]
    assert shop == ["shop"]
    assert [len(found) for found in operator.ids().values()] == [0, 0, 0, 1]


def test_a_rollback_over_a_rotation_keeps_todays_secrets_and_deletes_no_bundle(work: Work) -> None:
    operator = work("development")
    stack = ("--stack", "development")
    operator.set_up()
    first = operator.json("up")["version_id"]
    operator.sql(
        "INSERT INTO user_configs (user_id, channel_type, config_data) "
        "VALUES ('ada', 'webhook', '{}')"
    )
    rows, stores = operator.rows(), operator.ids()
    operator.ctl("keys", "rotate", *stack)
    rotated = version_now(operator)
    assert rotated != first

    report = operator.json("rollback", "--yes", "--to", first)
    serving = version_now(operator)
    assert report["version_id"] == serving
    assert serving == rotated, "they differ in secrets alone, and today's hold"
    assert (operator.project.root / "dist" / "worker").is_dir()
    operator.ctl("verify", *stack)
    require_unchanged(operator)
    results = {one["version_id"]: one["result"] for one in operator.json("releases")}
    assert results[serving] == "verified"
    assert (operator.ids(), operator.rows()) == (stores, rows)


def test_the_releases_of_before_an_upgrade_are_listed_and_can_be_gone_back_to(work: Work) -> None:
    operator = work("development")
    operator.set_up()
    first = operator.json("up")["version_id"]
    operator.release("The upgrade")
    second = operator.json("up")["version_id"]
    forget_releases(operator)

    listed = [one["version_id"] for one in operator.json("releases")]
    assert listed[:2] == [second, first]
    assert operator.json("rollback", "--yes", "--to", first[:8])["version_id"] == first
    assert version_now(operator) == first
    require_unchanged(operator)


def forget_releases(operator: Operator) -> None:
    """Leave the state as a version of the program made it that kept no list of releases."""
    exported = operator.run("pulumi", "stack", "export", "--stack", operator.stack)
    assert exported.returncode == 0, exported.stderr
    document: dict[str, Any] = json.loads(exported.stdout)
    for resource in document["deployment"]["resources"]:
        if resource["type"] == "pulumi:pulumi:Stack":
            assert resource["outputs"].pop("releases")
    file = operator.project.root.parent / "edited.json"
    file.write_text(json.dumps(document))
    done = operator.run("pulumi", "stack", "import", "--stack", operator.stack, "--file", str(file))
    assert done.returncode == 0, done.stderr


def test_maintenance_comes_and_goes_and_a_canary_is_promoted(work: Work) -> None:
    operator = work("development")
    stack = ("--stack", "development")
    operator.set_up()
    first = operator.json("up")["version_id"]
    operator.configure(maintenanceMode=True)
    operator.ctl("up", *stack)
    operator.ctl("verify", *stack)
    operator.fails("send", *stack, "--user", "ada", "--message", "x", code=6)
    operator.configure(maintenanceMode=None)
    operator.ctl("up", *stack)
    operator.ctl("verify", *stack, "--integration")

    operator.release("A canary")
    done = operator.ctl(
        *("deploy", *stack, *UNCHECKED, "--confirm", "all", "--canary", "--steps", "10,100"),
        *("--least", "0", "--json"),
    )
    report = json.loads(done)
    assert [step["percentage"] for step in report["canary"]] == [10]
    assert operator.serving() == {report["version_id"]: 100}
    assert report["version_id"] != first
    require_unchanged(operator)


def test_access_to_production_is_set_up_by_the_documents_rotated_and_taken_away(work: Work) -> None:
    operator = work("access-production")
    operator.enter_account()
    operator.environment["GITHUB_TOKEN"] = operator.environment["CLOUDFLARE_API_TOKEN"]
    stack = ("--stack", "access-production")
    pulumi(operator, "stack", "init", "access-production")
    secret = {"apiSecretKey": "a" * 64, "encryptKey": "b" * 32, "pulumiConfigPassphrase": "c" * 32}
    plain = {
        "accountId": ACCOUNT,
        "environment": "production",
        "workersDevSubdomain": SUBDOMAIN,
        "manageAccess": "true",
        "githubOwner": "local",
        "githubRepository": "notification-system",
        "productionReviewers": '["reviewer-one"]',
        "productionApprovers": '["reviewer-two"]',
    }
    for name, value in plain.items():
        pulumi(operator, "config", "set", *stack, name, value)
    for name, value in secret.items():
        pulumi(operator, "config", "set", *stack, "--secret", name, value)
    first = operator.json("up")
    assert first["changes"]["create"] > 20
    require_unchanged(operator)
    tokens = [one["name"] for one in operator.api("GET", "tokens")]
    assert "notification-system CI 1" in tokens

    operator.configure(ciTokenGenerations=[1, 2])
    operator.ctl("up", *stack)
    operator.configure(ciTokenGenerations=[2])
    operator.ctl("up", *stack)
    require_unchanged(operator)
    tokens = [one["name"] for one in operator.api("GET", "tokens")]
    assert "notification-system CI 2" in tokens
    assert "notification-system CI 1" not in tokens
    operator.ctl("destroy", *stack, "--yes", "--unprotect", "access-production")
    assert "notification-system CI 2" not in str(operator.api("GET", "tokens"))


def test_plain_pulumi_import_and_then_the_settings_lose_no_store(work: Work) -> None:
    operator = work("development")
    operator.set_up()
    names = Names.of_stack("development")
    database = operator.api("POST", "d1/database", {"name": names.database})["uuid"]
    queue = operator.api("POST", "queues", {"queue_name": names.retry_queue})["queue_id"]
    operator.ctl("bundle")
    imported = (
        ("cloudflare:index/d1Database:D1Database", "database", database),
        ("cloudflare:index/queue:Queue", "by-hand", queue),
    )
    pulumi(operator, "stack", "init", "development")
    for type_, name, identifier in imported:
        pulumi(
            *(operator, "import", type_, name, f"{ACCOUNT}/{identifier}"),
            *("--stack", "development", "--yes", "--protect=false", "--generate-code=false"),
        )
    operator.configure(adoptDatabaseId=database, adoptRetryQueueId=queue)
    for _ in range(2):
        pulumi(operator, "up", "--stack", "development", "--yes", "--skip-preview")
        stores = operator.ids()
        assert stores["d1/database"] == [database]
        assert queue in stores["queues"]
        assert [len(found) for found in stores.values()] == [1, 1, 2, 1]
    pulumi(operator, "preview", "--stack", "development", "--expect-no-changes")
    operator.configure(adoptDatabaseId=None, adoptRetryQueueId=None)
    pulumi(operator, "preview", "--stack", "development", "--expect-no-changes")
    # What the stack manages may be named again, and stays what it is.
    operator.configure(adoptDatabaseId=database)
    pulumi(operator, "up", "--stack", "development", "--yes", "--skip-preview")
    assert operator.ids() == stores


def pulumi(operator: Operator, *arguments: str) -> None:
    """Run the CLI itself with the stand-in plugins, as a person without notifyctl would."""
    plain = operator.plain_pulumi()
    done = operator.network.run(
        *("pulumi", *arguments, "--non-interactive"),
        environment=plain,
        folder=operator.project.root,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
