"""What the Pulumi program registers, counted and compared."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.components import Deployment, DeploymentArgs, Service
from infra.program import declare
from tests.infra.registrations import Declared, declare_stack
from tests.infra.stack_inputs import ACCOUNT, small_bundle, stack_inputs

CLOUDFLARE_TYPES = {
    "cloudflare:index/d1Database:D1Database": 1,
    "cloudflare:index/workersKvNamespace:WorkersKvNamespace": 1,
    "cloudflare:index/queue:Queue": 2,
    "cloudflare:index/queueConsumer:QueueConsumer": 2,
    "cloudflare:index/worker:Worker": 1,
    "cloudflare:index/workerVersion:WorkerVersion": 1,
    "cloudflare:index/workersDeployment:WorkersDeployment": 1,
    "cloudflare:index/workersCronTrigger:WorkersCronTrigger": 1,
}


@pytest.mark.requirement("S0-08", "S0-14")
def test_the_stack_is_these_resources_and_no_others(declared: Callable[..., Declared]) -> None:
    found = declared()
    types = [r.type for r in found.registrations]
    assert {t: types.count(t) for t in types if t.startswith("cloudflare:")} == CLOUDFLARE_TYPES
    others = sorted(t for t in types if not t.startswith("cloudflare:"))
    assert others == [
        "notification-system:index:Deployment",
        "notification-system:index:Queues",
        "notification-system:index:Service",
        "notification-system:index:Stores",
        "notification-system:index:Triggers",
        "pulumi-python:dynamic/account:Preconditions",
        "pulumi-python:dynamic/d1:Migrations",
        "pulumi-python:dynamic/releases:ReleaseLedger",
        "pulumi-python:dynamic/workers:Smoke",
        "pulumi:providers:cloudflare",
    ]


@pytest.mark.requirement("S0-12", "S0-13")
@pytest.mark.parametrize(
    ("stack", "database", "cache", "queues"),
    [
        ("production", "notification-system", "CONFIG_CACHE", ("retry-queue", "failed-queue")),
        (
            "development",
            "notification-system-dev",
            "CONFIG_CACHE-preview",
            ("retry-queue-dev", "failed-queue-dev"),
        ),
        (
            "local",
            "notification-system-local",
            "CONFIG_CACHE-local",
            ("retry-queue-local", "failed-queue-local"),
        ),
    ],
)
def test_each_stack_has_its_own_names(
    declared: Callable[..., Declared],
    stack: str,
    database: str,
    cache: str,
    queues: tuple[str, str],
) -> None:
    environment = "production" if stack == "production" else "development"
    found = declared(stack, environment=environment)
    assert found.one("database").inputs["name"] == database
    assert found.one("config-cache").inputs["title"] == cache
    assert found.one("worker").inputs["name"] == database
    assert found.one("retry-queue").inputs["queueName"] == queues[0]
    assert found.one("failed-queue").inputs["queueName"] == queues[1]
    assert found.bindings()["RETRY_QUEUE_NAME"]["text"] == queues[0]


def test_every_stack_has_productions_compatibility(declared: Callable[..., Declared]) -> None:
    local = {"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4"}
    for found in (declared(), declared("local", environment="development", **local)):
        version = found.one("version").inputs
        assert version["compatibilityDate"] == "2026-10-01"
        assert version["compatibilityFlags"] == [
            "python_workers",
            "disable_python_no_global_handlers",
        ]


@pytest.mark.requirement("S0-14")
def test_consumers_have_their_limits_units_and_dead_letter_link(
    declared: Callable[..., Declared],
) -> None:
    found = declared(retryMaxWaitMs="4000", retryDelaySeconds="12")
    retry, failed = found.one("retry-consumer").inputs, found.one("failed-consumer").inputs
    assert retry["queueId"] == "retry-queue-id"
    assert retry["deadLetterQueue"] == "failed-queue"
    assert retry["settings"] == {
        "batchSize": 10,
        "maxRetries": 3,
        "maxWaitTimeMs": 4000,
        "retryDelay": 12,
    }
    assert "deadLetterQueue" not in failed
    assert failed["settings"]["maxRetries"] == 5
    assert failed["settings"]["maxWaitTimeMs"] == 30_000
    assert {retry["scriptName"], failed["scriptName"]} == {"notification-system"}


@pytest.mark.requirement("PD-03")
def test_an_empty_list_of_schedules_is_sent_and_not_left_out(
    declared: Callable[..., Declared],
) -> None:
    assert declared().one("cron-trigger").inputs["schedules"] == [{"cron": "*/5 * * * *"}]
    assert declared(crons="[]").one("cron-trigger").inputs["schedules"] == []


def test_read_replication_is_always_sent(declared: Callable[..., Declared]) -> None:
    assert declared().one("database").inputs["readReplication"] == {"mode": "disabled"}


def test_location_and_jurisdiction_are_settings(declared: Callable[..., Declared]) -> None:
    assert declared(d1Location="weur").one("database").inputs["primaryLocationHint"] == "weur"
    assert declared(d1Jurisdiction="eu").one("database").inputs["jurisdiction"] == "eu"


def test_stores_are_protected_where_asked_and_nothing_else_is(
    declared: Callable[..., Declared],
) -> None:
    found = declared(protectStores="true")
    protected = {r.name for r in found.registrations if r.protect}
    assert protected == {"database", "config-cache", "retry-queue", "failed-queue"}
    assert not [r for r in declared().registrations if r.protect]


def test_the_worker_goes_before_its_stores_and_consumers_before_queues_and_worker(
    declared: Callable[..., Declared],
) -> None:
    found = declared()
    stores = ("database", "config-cache", "retry-queue", "failed-queue")
    assert all(found.depends_on("worker", store) for store in stores)
    assert found.depends_on("retry-consumer", "retry-queue")
    assert found.depends_on("retry-consumer", "failed-queue")
    assert found.depends_on("failed-consumer", "failed-queue")
    assert found.depends_on("retry-consumer", "worker")
    assert found.depends_on("cron-trigger", "deployment")


def test_migrations_run_after_the_upload_and_before_the_deployment(
    declared: Callable[..., Declared],
) -> None:
    found = declared()
    assert found.depends_on("migrations", "version")
    assert found.depends_on("deployment", "migrations")
    assert found.one("migrations").inputs["database_id"] == "database-id"
    names = [entry["name"] for entry in found.one("migrations").inputs["migrations"]]
    assert names == ["0001_first.sql", "0002_second.sql"]
    assert "CREATE TABLE" not in repr(found.one("migrations").inputs)


@pytest.mark.requirement("S4-08", "S4-09")
def test_the_version_is_tagged_with_the_bundles_hash_and_has_its_modules(
    declared: Callable[..., Declared],
) -> None:
    version = declared().one("version").inputs
    assert version["annotations"] == {"workersTag": small_bundle().sha256}
    assert version["mainModule"] == "entry.py"
    assert version["modules"][0] == {
        "name": "entry.py",
        "contentType": "text/x-python",
        "contentFile": "dist/worker/entry.py",
    }
    assert "deploy" not in version


def test_the_commit_is_in_the_release_and_in_no_resource_of_the_cloud(
    declared: Callable[..., Declared],
) -> None:
    def inputs(found: Declared) -> list[dict[str, Any]]:
        ordered = sorted(found.registrations, key=lambda r: r.urn)
        return [dict(r.inputs) for r in ordered if r.name != "releases"]

    one, other = declared(commit="c0ffee"), declared(commit="bada55")
    assert one.outputs["release"]["commit"] == "c0ffee"
    assert other.outputs["release"]["commit"] == "bada55"
    assert inputs(one) == inputs(other)


def test_another_bundle_changes_the_version_and_the_release(
    declared: Callable[..., Declared],
) -> None:
    changed = small_bundle(b"x = 2\n")
    found = declared(edit=lambda inputs: replace(inputs, bundle=changed))
    assert found.one("version").inputs["annotations"]["workersTag"] == changed.sha256
    assert found.outputs["release"]["bundle_sha256"] == changed.sha256


def test_every_cloudflare_resource_uses_the_explicit_provider_without_a_token(
    declared: Callable[..., Declared], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "canary-token-0123456789")
    found = declared()
    provider = found.one("cloudflare")
    assert dict(provider.inputs) == {"baseUrl": "https://api.cloudflare.com/client/v4"}
    resources = [r for r in found.registrations if r.type.startswith("cloudflare:")]
    assert len(resources) == 10
    assert {r.provider for r in resources} == {f"{provider.urn}::cloudflare-id"}
    assert "canary-token" not in repr(found)


@pytest.mark.requirement("S0-09")
def test_the_outputs_have_every_id_url_and_the_release(declared: Callable[..., Declared]) -> None:
    outputs = declared().outputs
    expected = {
        "service_url": "https://notification-system.my-team.workers.dev",
        "account_id": ACCOUNT,
        "worker_name": "notification-system",
        "worker_id": "worker-id",
        "version_id": "version-id",
        "serving": [{"version_id": "version-id", "percentage": 100}],
        "serving_version_id": "version-id",
        "deployment_id": "deployment-id",
        "d1_database_id": "database-id",
        "d1_database_name": "notification-system",
        "d1_databases": [{"id": "database-id", "name": "notification-system"}],
        "kv_namespace_id": "config-cache-id",
        "retry_queue_id": "retry-queue-id",
        "retry_queue_name": "retry-queue",
        "retry_consumer_id": "retry-consumer-id",
        "failed_queue_id": "failed-queue-id",
        "failed_queue_name": "failed-queue",
        "failed_consumer_id": "failed-consumer-id",
        "schema_level": 2,
    }
    assert {name: outputs[name] for name in expected} == expected
    assert set(outputs) == {*expected, "release", "releases", "api_secret_key"}
    assert set(outputs["release"]) == {
        "settings",
        "commit",
        "bundle_sha256",
        "assets_sha256",
        "version_id",
        "code_level",
        "schema_level",
        "config_digest",
        "secret_fingerprints",
    }


def test_the_deployment_sends_everything_to_the_version(declared: Callable[..., Declared]) -> None:
    deployment = declared().one("deployment").inputs
    assert deployment["versions"] == [{"versionId": "version-id", "percentage": 100}]
    assert deployment["strategy"] == "percentage"


def test_children_take_options_through_the_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Service.__init__

    def with_option(self: Service, name: str, args: Any, opts: Any = None) -> None:
        option = pulumi.ResourceOptions(retain_on_delete=True)
        original(self, name, replace(args, child_opts=option), opts)

    monkeypatch.setattr(Service, "__init__", with_option)
    inputs = stack_inputs(tmp_path)
    found = declare_stack(lambda: declare(inputs), stack="production")
    assert {r.name for r in found.registrations if r.retain_on_delete} == {"worker", "version"}


def test_a_deployment_that_forgets_the_migrations_is_found_by_these_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Deployment.__init__

    def without_migrations(
        self: Deployment, name: str, args: DeploymentArgs, opts: Any = None
    ) -> None:
        original(self, name, replace(args, after=args.service.version), opts)

    monkeypatch.setattr(Deployment, "__init__", without_migrations)
    inputs = stack_inputs(tmp_path)
    found = declare_stack(lambda: declare(inputs), stack="production")
    assert not found.depends_on("deployment", "migrations")


def test_everything_waits_for_the_preconditions(declared: Callable[..., Declared]) -> None:
    found = declared()
    free = [
        r.name
        for r in found.registrations
        if r.type.startswith(("cloudflare:", "pulumi-python:"))
        and not found.depends_on(r.name, "preconditions")
    ]
    assert free == ["preconditions"]
