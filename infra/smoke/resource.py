"""The resource `Smoke`: a version that fails it is neither migrated for nor served.

Pulumi pickles the provider; it stays tiny and delegates by import path to `lifecycle`, which is
imported only where a method runs: the program itself needs no HTTP client.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from infra.dynamic_providers import StackProvider, provider


class SmokeProvider(StackProvider):
    """Create and update smoke a version; delete and read have nothing to do."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        from infra.smoke import lifecycle

        return dynamic.DiffResult(changes=lifecycle.is_changed(_olds, _news))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        from infra.smoke import lifecycle

        return dynamic.CreateResult(f"{props['worker']}/smoke", lifecycle.run(props))

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        from infra.smoke import lifecycle

        return dynamic.UpdateResult(lifecycle.run(_news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        return dynamic.ReadResult(id_, props)


@dataclass(frozen=True)
class SmokeArgs:
    """Which version of which Worker, and what its preview URL follows from."""

    account_id: str
    base_url: str
    worker: str
    subdomain: str | None
    service_url: str
    version_id: pulumi.Input[str]


class Smoke(dynamic.Resource, module="workers", name="Smoke"):
    """The smoke test of a version that has been uploaded and doesn't serve yet."""

    passed: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: SmokeArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties: dict[str, Any] = {
            "account_id": args.account_id,
            "base_url": args.base_url,
            "worker": args.worker,
            "subdomain": args.subdomain,
            "service_url": args.service_url,
            "version_id": args.version_id,
            "passed": None,
        }
        super().__init__(provider("smoke"), name, properties, opts)
