"""The resource `Preconditions`: the first of a stack, so that a refusal comes before any change.

It asks in Pulumi's check, which runs in every preview and again in every update; there is nothing
to create.
"""

import os
from typing import Any

import pulumi
from pulumi import dynamic

from infra.dynamic_providers import StackProvider, provider
from infra.preconditions.claims import Claims, claimed


class PreconditionsProvider(StackProvider):
    """Check asks the account; the rest keeps the inputs."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        from infra.account_api import PLAN_VARIABLE, AccountApi
        from infra.preconditions.questions import ask

        claims = Claims.of_properties(news)
        if claims.rolls_back:
            return dynamic.CheckResult(news, [])
        with AccountApi(claims.base_url, claims.account_id) as api:
            answers = ask(api, claims, writes=not os.environ.get(PLAN_VARIABLE))
        told = (*answers.refusals, *answers.unknown)
        return dynamic.CheckResult(news, [dynamic.CheckFailure("", text) for text in told])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=claimed(_olds) != claimed(_news))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['worker']}/preconditions", claimed(props))

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(claimed(_news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        return dynamic.ReadResult(id_, props)


class Preconditions(dynamic.Resource, module="account", name="Preconditions"):
    """What the account could refuse; everything else of the stack depends on it."""

    def __init__(
        self, name: str, claims: Claims, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(provider("preconditions"), name, claims.properties(), opts)
