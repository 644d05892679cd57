"""The whole stack: settings in, resources declared, outputs out. The same for every stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_cloudflare as cloudflare

from infra.bundle import Bundle, BundleError
from infra.components import Service, ServiceArgs, Stores, StoresArgs, Traffic, TrafficArgs
from infra.migrations.files import MigrationFileError, MigrationSet
from infra.migrations.location import MIGRATIONS, project_root
from infra.migrations.resource import Migrations, MigrationsArgs
from infra.names import Names, StackNameError
from infra.release import COMMIT_VARIABLE, Release, config_digest, secret_fingerprints
from infra.settings import Secrets, Settings, SettingsError
from infra.settings.pulumi_config import read_pulumi_config
from infra.smoke.resource import Smoke, SmokeArgs

BUNDLE = Path("dist", "worker")


@dataclass(frozen=True)
class Inputs:
    """Everything that the program reads before it declares anything."""

    names: Names
    settings: Settings
    secrets: Secrets
    bundle: Bundle
    migrations: MigrationSet
    commit: str


def run() -> None:
    """Declare the stack that Pulumi asks for; a mistake in its inputs ends it in one message."""
    stack = pulumi.get_stack()
    try:
        config = read_pulumi_config(project=pulumi.get_project(), stack=stack)
        root = project_root()
        inputs = Inputs(
            names=Names.of_stack(stack),
            settings=config.settings(),
            secrets=config.secrets(),
            bundle=Bundle.read(root / BUNDLE),
            migrations=MigrationSet.read(root / MIGRATIONS),
            commit=os.environ.get(COMMIT_VARIABLE, ""),
        )
    except (StackNameError, SettingsError, BundleError, MigrationFileError) as error:
        # A RunError is the one kind that Pulumi shows without a stack trace.
        raise pulumi.RunError(str(error)) from None
    for name, value in declare(inputs).items():
        pulumi.export(name, value)


def declare(inputs: Inputs) -> Mapping[str, object]:
    """Register the stack's resources and return its outputs by name."""
    settings, names = inputs.settings, inputs.names
    # The token is no argument: the provider reads it from the environment, and state never has it.
    provider = cloudflare.Provider("cloudflare", base_url=settings.cloudflare_base_url)
    opts = pulumi.ResourceOptions(providers=[provider])
    stores = Stores(
        "stores",
        StoresArgs(
            account_id=settings.account_id,
            names=names,
            location=settings.d1_location,
            jurisdiction=settings.d1_jurisdiction,
            protect=settings.protect_stores,
        ),
        opts,
    )
    service = Service(
        "service",
        ServiceArgs(
            settings=settings,
            secrets=inputs.secrets,
            names=names,
            bundle=inputs.bundle,
            stores=stores,
        ),
        opts,
    )
    checked = _smoked(inputs, service)
    migrations = Migrations(
        "migrations",
        MigrationsArgs(
            account_id=settings.account_id,
            database_id=stores.database.id,
            base_url=settings.cloudflare_base_url,
            migrations=inputs.migrations,
        ),
        # Between the upload and the deployment: code that can't be uploaded or fails its smoke test
        # migrates nothing, and a migration that fails leaves the version that serves today.
        pulumi.ResourceOptions(depends_on=[checked]),
    )
    traffic = Traffic(
        "traffic",
        TrafficArgs(
            settings=settings,
            names=names,
            bundle_sha256=inputs.bundle.sha256,
            stores=stores,
            service=service,
            migrations=migrations,
        ),
        opts,
    )
    return _outputs(inputs, stores, service, migrations, traffic)


def _smoked(inputs: Inputs, service: Service) -> pulumi.Resource:
    """Smoke the uploaded version at its preview URL; the last resource before the migrations."""
    settings, names = inputs.settings, inputs.names
    if not settings.preview_urls:
        pulumi.log.warn(
            "The version is not smoke-tested before it serves: previewUrls is false, and so it "
            "has no URL of its own. What is wrong with it shows only in the verification."
        )
        return service.version
    return Smoke(
        "smoke",
        SmokeArgs(
            account_id=settings.account_id,
            base_url=settings.cloudflare_base_url,
            worker=names.worker,
            subdomain=settings.workers_dev_subdomain,
            service_url=settings.public_url(names.worker),
            version_id=service.version.id,
        ),
        pulumi.ResourceOptions(depends_on=[service.version]),
    )


def _outputs(
    inputs: Inputs, stores: Stores, service: Service, migrations: Migrations, traffic: Traffic
) -> Mapping[str, object]:
    names, settings, secrets = inputs.names, inputs.settings, inputs.secrets
    release = pulumi.Output.all(service.version.id, migrations.schema_level).apply(
        lambda known: Release(
            commit=inputs.commit,
            bundle_sha256=inputs.bundle.sha256,
            version_id=str(known[0]),
            schema_level=int(known[1]),
            config_digest=config_digest(settings),
            secret_fingerprints=secret_fingerprints(secrets, names.worker),
        ).document()
    )
    return {
        "service_url": settings.public_url(names.worker),
        "account_id": settings.account_id,
        "worker_name": names.worker,
        "worker_id": service.worker.id,
        "version_id": service.version.id,
        "serving": traffic.shares.apply(lambda found: [share.document() for share in found]),
        "serving_version_id": traffic.shares.apply(
            lambda found: max(found, key=lambda share: share.percentage).version_id
        ),
        "deployment_id": traffic.deployment.id,
        "d1_database_id": stores.database.id,
        "d1_database_name": names.database,
        "kv_namespace_id": stores.config_cache.id,
        "retry_queue_id": stores.retry_queue.queue_id,
        "retry_queue_name": names.retry_queue,
        "retry_consumer_id": traffic.retry_consumer.consumer_id,
        "failed_queue_id": stores.failed_queue.queue_id,
        "failed_queue_name": names.failed_queue,
        "failed_consumer_id": traffic.failed_consumer.consumer_id,
        "schema_level": migrations.schema_level,
        "release": release,
        "api_secret_key": pulumi.Output.secret(secrets.api_secret_key.get_secret_value()),
    }
