"""The whole stack: settings in, resources declared, outputs out. The same for every stack."""

from collections.abc import Mapping

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components import (
    Addresses,
    AddressesArgs,
    Deployment,
    DeploymentArgs,
    Queues,
    QueuesArgs,
    Service,
    ServiceArgs,
    Stores,
    StoresArgs,
    Triggers,
    TriggersArgs,
)
from infra.components.adoption import Adoption
from infra.inputs import Inputs
from infra.migrations.resource import Migrations, MigrationsArgs
from infra.outputs import Parts, release_output, serving_output, stack_outputs
from infra.preconditions.claims import Claims
from infra.preconditions.questions import routes_in_state
from infra.preconditions.resource import Preconditions
from infra.release_ledger.resource import ReleaseLedger, ReleaseLedgerArgs
from infra.rules import Stack, check_rules, collect_declarations
from infra.shards.needed import check_older_version, databases_needed, first_settings
from infra.shards.resource import Shards, ShardsArgs
from infra.smoke.resource import Smoke, SmokeArgs
from infra.stack_state import read_outputs
from infra.takeover.resource import Takeover
from infra.uploaded_version import UploadedVersion
from infra.zone import zone_of


def run() -> None:
    """Declare the stack that Pulumi asks for; a mistake in its inputs ends it in one message."""
    inputs = Inputs.read()
    with collect_declarations() as declarations:
        outputs = declare(inputs)
        stack = Stack(inputs.settings, inputs.secrets, declarations, declarations.permission_groups)
        declarations.check(lambda: check_rules(stack))
    for name, value in outputs.items():
        pulumi.export(name, value)


def declare(inputs: Inputs) -> Mapping[str, object]:
    """Register the stack's resources and return its outputs by name."""
    settings, names = inputs.settings, inputs.names
    # The token is no argument: the provider reads it from the environment, and state never has it.
    provider = cloudflare.Provider("cloudflare", base_url=settings.cloudflare_base_url)
    opts = pulumi.ResourceOptions(providers=[provider])
    zone_id = zone_of(settings, provider)
    if settings.manage_access:
        return _access(inputs, zone_id, provider)
    adoption = Adoption.of_settings(settings)
    pin = settings.pin
    state = read_outputs()
    pin_holds = pin is not None and pin.holds_against(
        bundle_sha256=inputs.bundle.sha256, assets_sha256=_assets_sha256(inputs)
    )
    databases = databases_needed(settings, state or (), pin_holds=pin_holds)
    check_older_version(settings, state or (), pin_holds=pin_holds)
    claims = Claims.of(
        settings,
        names,
        zone_id=zone_id,
        own_routes=None if state is None else routes_in_state(state),
        rolls_back=pin_holds,
    )
    # First of all: what the account would refuse after the new version serves, it is asked now.
    preconditions = Preconditions("preconditions", claims)
    stores = Stores(
        "stores",
        StoresArgs(
            account_id=settings.account_id,
            names=names,
            databases=names.shards(databases),
            kept=settings.shards,
            location=settings.d1_location,
            jurisdiction=settings.d1_jurisdiction,
            protect=settings.protect_stores,
            adoption=adoption,
            child_opts=pulumi.ResourceOptions(depends_on=[preconditions]),
        ),
        opts,
    )
    queues = Queues(
        "queues",
        QueuesArgs(
            account_id=settings.account_id,
            names=names,
            protect=settings.protect_stores,
            adoption=adoption,
            child_opts=pulumi.ResourceOptions(depends_on=[preconditions]),
        ),
        opts,
    )
    before = UploadedVersion.of_state(state or ())
    if before is not None and (told := before.changes(inputs.bundle)):
        pulumi.log.info(told)
    service = Service(
        "service",
        ServiceArgs(
            settings=settings,
            secrets=inputs.secrets,
            names=names,
            bundle=inputs.bundle,
            assets=inputs.assets,
            schema_level=inputs.migrations.level,
            stores=stores,
            queues=queues,
            adoption=adoption,
            before=before,
        ),
        opts,
    )
    checked = _smoked(inputs, service)
    migrations = _migrations(
        inputs,
        stores,
        service,
        after=checked,
        first=first_settings(settings, state, pin_holds=pin_holds, imports=bool(adoption.given)),
    )
    deployment = Deployment(
        "serving",
        DeploymentArgs(
            settings=settings,
            bundle_sha256=inputs.bundle.sha256,
            assets_sha256=_assets_sha256(inputs),
            service=service,
            after=migrations,
        ),
        opts,
    )
    releases = ReleaseLedger(
        "releases",
        ReleaseLedgerArgs(
            release=release_output(inputs, service, migrations), serving=serving_output(deployment)
        ),
        # Right after the traffic moved: what serves has to be known to a rollback, whatever fails
        # from here on.
        pulumi.ResourceOptions(depends_on=[deployment.current]),
    )
    if databases > 1:
        Shards(
            "shards",
            ShardsArgs(
                account_id=settings.account_id,
                base_url=settings.cloudflare_base_url,
                databases=[database.id for database in stores.databases],
                # A version that shares the traffic may not know where they would be.
                wanted=None if pin_holds or settings.shares_traffic else settings.shards,
            ),
            pulumi.ResourceOptions(depends_on=[releases]),
        )
    triggers = Triggers(
        "triggers",
        TriggersArgs(
            settings=settings,
            queues=queues,
            service=service,
            deployment=deployment,
            child_opts=pulumi.ResourceOptions(depends_on=[releases]),
        ),
        opts,
    )
    addresses = None
    if zone_id is not None:
        addresses = Addresses(
            "addresses",
            AddressesArgs(
                settings=settings,
                zone_id=zone_id,
                service=service,
                after=_freed(claims, after=releases),
            ),
            opts,
        )
    parts = Parts(stores, queues, service, migrations, deployment, triggers, addresses, releases)
    return stack_outputs(inputs, parts)


def _migrations(
    inputs: Inputs,
    stores: Stores,
    service: Service,
    *,
    after: pulumi.Resource,
    first: Mapping[str, str],
) -> Migrations:
    """Declare the schema of each database, one after the other, and return the last one.

    Between the upload and the deployment: code that can't be uploaded or fails its smoke test
    migrates nothing, and a migration that fails leaves the version that serves today.
    """
    found: list[Migrations] = []
    for shard, database in enumerate(stores.databases):
        found.append(
            Migrations(
                f"migrations-{shard}" if shard else "migrations",
                MigrationsArgs(
                    account_id=inputs.settings.account_id,
                    database_id=database.id,
                    base_url=inputs.settings.cloudflare_base_url,
                    migrations=inputs.migrations,
                    worker=inputs.names.worker,
                    worker_id=service.worker.id,
                    first_settings={} if shard else first,
                ),
                pulumi.ResourceOptions(depends_on=[found[-1] if found else after]),
            )
        )
    return found[-1]


def _access(
    inputs: Inputs, zone_id: str | None, provider: cloudflare.Provider
) -> Mapping[str, object]:
    """Access alone, in a stack of its own.

    In the service's state CI would have to plan it with a token that can't read it, or delete it.
    """
    # Imported late: GitHub's SDK is large, and no other stack needs it.
    from infra.components.access import Access, AccessArgs, github_provider

    access = Access(
        "access",
        AccessArgs(
            settings=inputs.settings,
            secrets=inputs.secrets,
            workflow_secrets=inputs.workflow_secrets,
            zone_id=zone_id,
        ),
        pulumi.ResourceOptions(providers=[provider, github_provider(inputs.settings)]),
    )
    return access.outputs()


def _freed(claims: Claims, *, after: pulumi.Resource) -> pulumi.Resource:
    """Take from other Workers what the settings name; return what the addresses come after."""
    if not claims.take_over:
        return after
    return Takeover("takeover", claims, pulumi.ResourceOptions(depends_on=[after]))


def _assets_sha256(inputs: Inputs) -> str:
    return inputs.assets.sha256 if inputs.assets is not None else ""


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
