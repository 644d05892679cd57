"""The Worker and the version of it that this program describes, uploaded but not yet serving."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.assets import Assets
from infra.bundle import Bundle, Module
from infra.components.adoption import Adoption
from infra.components.bindings import BindingArgs, worker_bindings
from infra.components.queues import Queues
from infra.components.stores import Stores
from infra.names import Names
from infra.settings import Secrets, Settings
from infra.uploaded_version import UploadedVersion

COMPATIBILITY_DATE = "2026-10-01"
COMPATIBILITY_FLAGS = ("python_workers", "disable_python_no_global_handlers")
"""The second lets the Worker's handlers be functions; `worker/src/entry.py` says why."""
WORKER_FIRST = ("/api/*", "/health", "/health/*", "/metrics", "/openapi.json", "/web_hook/*")
"""Paths that the Worker answers, whatever assets there are."""
WORKER_ALONE = ("/*",)
"""Paths that the Worker answers during maintenance: all, so that the console is closed as well."""
HEADERS_MODULE = "_headers"
"""Cloudflare takes the rules for the assets' headers as a module of this name."""


@dataclass(frozen=True)
class ServiceArgs:
    """What the Worker is made of. The git commit is no part of it: it would make new versions.

    `assets` belong to the version, so that code and console switch as one. `schema_level` is that
    of the migrations which the code came with.
    """

    settings: Settings
    secrets: Secrets
    names: Names
    bundle: Bundle
    assets: Assets | None
    schema_level: int
    stores: Stores
    queues: Queues
    adoption: Adoption
    before: UploadedVersion | None = None
    child_opts: pulumi.ResourceOptions | None = None


class Service(pulumi.ComponentResource):
    """The Worker, which depends on its stores and queues so that a destroy takes it first.

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
        stores, queues = args.stores, args.queues
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
                args.adoption.options(child_opts, "worker_id"),
                pulumi.ResourceOptions(
                    depends_on=[
                        *stores.databases,
                        stores.config_cache,
                        queues.retry,
                        queues.failed,
                    ]
                ),
            ),
        )
        self.version = cloudflare.WorkerVersion(
            "version",
            account_id=args.settings.account_id,
            worker_id=self.worker.id,
            main_module=args.bundle.main_module,
            modules=_modules(args),
            assets=_assets(args.assets, maintenance=args.settings.maintenance_mode),
            bindings=worker_bindings(
                BindingArgs(
                    settings=args.settings,
                    secrets=args.secrets,
                    names=args.names,
                    stores=stores,
                    has_assets=args.assets is not None,
                    schema_level=args.schema_level,
                )
            ),
            compatibility_date=COMPATIBILITY_DATE,
            compatibility_flags=list(COMPATIBILITY_FLAGS),
            annotations=cloudflare.WorkerVersionAnnotationsArgs(workers_tag=args.bundle.sha256),
            opts=child_opts,
        )
        self.register_outputs({"worker_id": self.worker.id, "version_id": self.version.id})


def _modules(args: ServiceArgs) -> list[cloudflare.WorkerVersionModuleArgs]:
    """Return the modules as files, so that the state holds their hashes and no text.

    Paths are relative to the project's folder, where Pulumi starts its providers. A state with the
    text of this very code keeps it until the code changes: see `UploadedVersion.keeps_text`.
    """
    bundle, assets = args.bundle, args.assets
    modules = [(module, bundle.directory / module.name) for module in bundle.modules]
    if assets is not None:
        headers = Module(HEADERS_MODULE, "text/plain", assets.headers.encode())
        modules.append((headers, assets.headers_file))
    as_text = args.before is not None and args.before.keeps_text(bundle)
    return [
        cloudflare.WorkerVersionModuleArgs(
            name=module.name,
            content_type=module.content_type,
            content_base64=module.content_base64 if as_text else None,
            content_file=None if as_text else path.as_posix(),
        )
        for module, path in modules
    ]


def _assets(
    assets: Assets | None, *, maintenance: bool
) -> cloudflare.WorkerVersionAssetsArgs | None:
    if assets is None:
        return None
    return cloudflare.WorkerVersionAssetsArgs(
        # Relative to the project's folder: no path of the machine gets into the state.
        directory=assets.directory.as_posix(),
        config=cloudflare.WorkerVersionAssetsConfigArgs(
            html_handling="auto-trailing-slash",
            not_found_handling="none",
            run_worker_first=list(WORKER_ALONE if maintenance else WORKER_FIRST),
        ),
    )
