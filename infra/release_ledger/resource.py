"""The resource `ReleaseLedger`: what Pulumi's history lacks to roll back by.

The history keeps each update's config and result, but no code and no outputs, and a state backend
of one's own has no older states to export. So the state itself lists the releases. The provider
stays tiny, since Pulumi pickles it.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from infra.dynamic_providers import StackProvider, provider


class ReleaseLedgerProvider(StackProvider):
    """Create and update add an entry; delete forgets them with the stack."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        from infra.release_ledger import lifecycle

        return dynamic.DiffResult(changes=lifecycle.is_changed(_olds, _news))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        from infra.release_ledger import lifecycle

        return dynamic.CreateResult("releases", lifecycle.record({}, props))

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        from infra.release_ledger import lifecycle

        return dynamic.UpdateResult(lifecycle.record(_olds, _news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        return dynamic.ReadResult(id_, props)


@dataclass(frozen=True)
class ReleaseLedgerArgs:
    """The release that this update deploys, and which versions serve after it."""

    release: pulumi.Input[dict[str, object]]
    serving: pulumi.Input[list[dict[str, object]]]


class ReleaseLedger(dynamic.Resource, module="releases", name="ReleaseLedger"):
    """The releases of the stack; it depends on the deployment that each one serves by."""

    releases: pulumi.Output[list[dict[str, Any]]]

    def __init__(
        self, name: str, args: ReleaseLedgerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties: dict[str, Any] = {
            "release": args.release,
            "serving": args.serving,
            "releases": None,
        }
        super().__init__(provider("release_ledger"), name, properties, opts)
