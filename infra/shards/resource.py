"""The resource `Shards`: recipients spread over the stack's databases, by `pulumi up`.

It comes after the deployment: the version that serves has to know every database. Pulumi pickles
the provider; it stays tiny and delegates by import path to `lifecycle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from infra.dynamic_providers import StackProvider, provider


class ShardsProvider(StackProvider):
    """Create and update move recipients; delete leaves everything where it is."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        from infra.shards import lifecycle

        return dynamic.DiffResult(changes=lifecycle.is_changed(_olds, _news))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        from infra.shards import lifecycle

        return dynamic.CreateResult("shards", lifecycle.settle(props))

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        from infra.shards import lifecycle

        return dynamic.UpdateResult(lifecycle.settle(_news, _olds))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        from infra.shards import lifecycle

        outputs = lifecycle.read(props)
        return dynamic.ReadResult(id_ if outputs is not None else "", outputs or {})


@dataclass(frozen=True)
class ShardsArgs:
    """Which databases there are, and over how many of them the recipients are to be spread.

    `wanted` is None while an older version has a part of the traffic: nobody moves then.
    """

    account_id: str
    base_url: str
    databases: Sequence[pulumi.Input[str]]
    wanted: int | None


class Shards(dynamic.Resource, module="shards", name="Shards"):
    """The placement of the recipients; `n` is known once they have moved."""

    n: pulumi.Output[int]

    def __init__(
        self, name: str, args: ShardsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties: dict[str, Any] = {
            "account_id": args.account_id,
            "base_url": args.base_url,
            "databases": list(args.databases),
            "wanted": args.wanted,
            "n": None,
        }
        super().__init__(provider("shards"), name, properties, opts)
