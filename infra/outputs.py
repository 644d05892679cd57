"""What a stack's outputs tell: every id, the URLs, the version that serves, the release."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.components import Addresses, Deployment, Queues, Service, Stores, Triggers
from infra.inputs import Inputs
from infra.migrations.resource import Migrations
from infra.release import Release, config_digest, release_settings, secret_fingerprints
from infra.release_ledger.resource import ReleaseLedger
from infra.settings import Secrets

_PRESENTED = (
    "api_secret_key",
    "admin_api_key",
    "bridge_token",
    "metrics_token",
    "grafana_webhook_username",
    "grafana_webhook_password",
)


@dataclass(frozen=True)
class Parts:
    """The declared resources that the outputs come from."""

    stores: Stores
    queues: Queues
    service: Service
    migrations: Migrations
    deployment: Deployment
    triggers: Triggers
    addresses: Addresses | None
    releases: ReleaseLedger


def stack_outputs(inputs: Inputs, parts: Parts) -> Mapping[str, object]:
    """Return the stack's outputs by name."""
    names, settings = inputs.names, inputs.settings
    stores, queues, service = parts.stores, parts.queues, parts.service
    deployment, triggers = parts.deployment, parts.triggers
    return {
        "service_url": settings.public_url(names.worker),
        "account_id": settings.account_id,
        "worker_name": names.worker,
        "worker_id": service.worker.id,
        "version_id": service.version.id,
        "serving": serving_output(deployment),
        "serving_version_id": deployment.shares.apply(
            lambda found: max(found, key=lambda share: share.percentage).version_id
        ),
        "deployment_id": deployment.current.id,
        "d1_database_id": stores.database.id,
        "d1_database_name": names.database,
        "d1_databases": [
            {"id": database.id, "name": database.name} for database in stores.databases
        ],
        "kv_namespace_id": stores.config_cache.id,
        "retry_queue_id": queues.retry.queue_id,
        "retry_queue_name": names.retry_queue,
        "retry_consumer_id": triggers.retry_consumer.consumer_id,
        "failed_queue_id": queues.failed.queue_id,
        "failed_queue_name": names.failed_queue,
        "failed_consumer_id": triggers.failed_consumer.consumer_id,
        **(parts.addresses.outputs() if parts.addresses is not None else {}),
        "schema_level": parts.migrations.schema_level,
        "release": release_output(inputs, service, parts.migrations),
        "releases": parts.releases.releases,
        **_presented(inputs.secrets),
    }


def _presented(secrets: Secrets) -> dict[str, pulumi.Output[str]]:
    """Return the secrets that are set and that callers present, as secret outputs."""
    found = {name: getattr(secrets, name) for name in _PRESENTED}
    return {
        name: pulumi.Output.secret(secret.get_secret_value())
        for name, secret in found.items()
        if secret is not None
    }


def serving_output(deployment: Deployment) -> pulumi.Output[list[dict[str, object]]]:
    """Return the versions that serve, with their shares in percent."""
    return deployment.shares.apply(lambda found: [share.document() for share in found])


def release_output(
    inputs: Inputs, service: Service, migrations: Migrations
) -> pulumi.Output[dict[str, object]]:
    """Return the release manifest of this update."""
    return pulumi.Output.all(service.version.id, migrations.schema_level).apply(
        lambda known: Release(
            commit=inputs.commit,
            bundle_sha256=inputs.bundle.sha256,
            assets_sha256=inputs.assets.sha256 if inputs.assets is not None else "",
            version_id=str(known[0]),
            code_level=inputs.migrations.level,
            schema_level=int(known[1]),
            config_digest=config_digest(inputs.settings),
            secret_fingerprints=secret_fingerprints(inputs.secrets, inputs.names.worker),
            settings=release_settings(inputs.settings),
        ).document()
    )
