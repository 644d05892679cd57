"""The Worker and the version of it that this program describes, uploaded but not yet serving."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.bundle import Bundle
from infra.components.bindings import worker_bindings
from infra.components.stores import Stores
from infra.names import Names
from infra.settings import Secrets, Settings

COMPATIBILITY_DATE = "2026-10-01"
COMPATIBILITY_FLAGS = ("python_workers",)


@dataclass(frozen=True)
class ServiceArgs:
    """What the Worker is made of. The git commit is no part of it: it would make new versions."""

    settings: Settings
    secrets: Secrets
    names: Names
    bundle: Bundle
    stores: Stores
    child_opts: pulumi.ResourceOptions | None = None


class Service(pulumi.ComponentResource):
    """The Worker, which depends on its stores so that a destroy takes it first, and its version.

    Versions are immutable: any change makes a new one, and Cloudflare keeps the old ones, which
    is what a rollback goes back to.
    """

    def __init__(
        self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Service", name, None, opts)
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self), args.child_opts
        )
        stores = args.stores
        self.worker = cloudflare.Worker(
            "worker",
            account_id=args.settings.account_id,
            name=args.names.worker,
            observability=cloudflare.WorkerObservabilityArgs(
                enabled=args.settings.observability,
                head_sampling_rate=args.settings.observability_sampling,
            ),
            subdomain=cloudflare.WorkerSubdomainArgs(
                enabled=args.settings.workers_dev, previews_enabled=args.settings.preview_urls
            ),
            opts=pulumi.ResourceOptions.merge(
                child_opts,
                pulumi.ResourceOptions(
                    depends_on=[
                        stores.database,
                        stores.config_cache,
                        stores.retry_queue,
                        stores.failed_queue,
                    ]
                ),
            ),
        )
        self.version = cloudflare.WorkerVersion(
            "version",
            account_id=args.settings.account_id,
            worker_id=self.worker.id,
            main_module=args.bundle.main_module,
            modules=[
                cloudflare.WorkerVersionModuleArgs(
                    name=module.name,
                    content_type=module.content_type,
                    content_base64=module.content_base64,
                )
                for module in args.bundle.modules
            ],
            bindings=worker_bindings(
                settings=args.settings, secrets=args.secrets, names=args.names, stores=stores
            ),
            compatibility_date=COMPATIBILITY_DATE,
            compatibility_flags=list(COMPATIBILITY_FLAGS),
            annotations=cloudflare.WorkerVersionAnnotationsArgs(workers_tag=args.bundle.sha256),
            opts=child_opts,
        )
        self.register_outputs({"worker_id": self.worker.id, "version_id": self.version.id})
