"""The dynamic providers, under the names that states know them by. This module never moves.

Pulumi keeps the provider of a dynamic resource in the state, as a pickle. ``refresh`` and
``destroy`` load that pickle with whatever commit is checked out, so it has to hold a name that
every commit knows. It holds ``infra.dynamic_providers.provider`` and one word, and nothing else:
packages below ``infra`` may be renamed as long as the table here follows.

States from before this module hold ``infra.migrations.resource.MigrationsProvider``,
``infra.smoke.resource.SmokeProvider`` and ``infra.release_ledger.resource.ReleaseLedgerProvider``.
Those three names have to stay importable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pulumi import dynamic

PROVIDER_KEY = "__provider"
"""The property in which Pulumi keeps the pickle (``pulumi.dynamic.dynamic.PROVIDER_KEY``)."""

PROVIDERS = {
    "migrations": "infra.migrations.resource:MigrationsProvider",
    "preconditions": "infra.preconditions.resource:PreconditionsProvider",
    "release_ledger": "infra.release_ledger.resource:ReleaseLedgerProvider",
    "shards": "infra.shards.resource:ShardsProvider",
    "smoke": "infra.smoke.resource:SmokeProvider",
    "takeover": "infra.takeover.resource:TakeoverProvider",
}
"""Where each provider's code is today. A name that a state may hold is never taken out."""


def provider(name: str) -> DynamicProvider:
    """Return the provider of that name; this is what a state's pickle calls."""
    return DynamicProvider(name)


class StackProvider(dynamic.ResourceProvider):
    """A provider whose errors are told by their messages: Pulumi would show their traces, too."""

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Cut the traces of this process, which runs nothing but such providers."""
        sys.tracebacklimit = 0


class DynamicProvider(StackProvider):
    """Passes each call on to the provider of its name.

    None of these providers owns anything that a delete would have to remove. So a provider that
    this commit doesn't know, because a newer commit made the resource, can still be refreshed and
    deleted: what the state says of it is kept, and then forgotten.

    Args:
        name: a key of ``PROVIDERS``, or a name that only other commits know.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __reduce__(self) -> tuple[Callable[[str], DynamicProvider], tuple[str]]:
        """Pickle the name alone."""
        return provider, (self.name,)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Judge the inputs."""
        return self._code().check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Compare; a state that holds another pickle is a change too, so that it gets this one."""
        found = self._code().diff(_id, _olds, _news)
        if _olds.get(PROVIDER_KEY) != _news.get(PROVIDER_KEY):
            found.changes = True
        return found

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Make the resource."""
        return self._code().create(props)

    def update(
        self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]
    ) -> dynamic.UpdateResult:
        """Bring the resource up to date; where only the pickle is another one, do nothing else."""
        code = self._code()
        if not code.diff(_id, _olds, _news).changes:
            return dynamic.UpdateResult({k: v for k, v in _olds.items() if k != PROVIDER_KEY})
        return code.update(_id, _olds, _news)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Read what is there; what only other commits know is said to be as the state has it."""
        if self.name not in PROVIDERS:
            return dynamic.ReadResult(id_, props)
        return self._code().read(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Forget the resource."""

    def _code(self) -> dynamic.ResourceProvider:
        """Import the code late: a program that registers a resource doesn't need it.

        Raises:
            ValueError: this commit doesn't know the name.
        """
        if self.name not in PROVIDERS:
            raise ValueError(
                f"The stack has a resource of the kind '{self.name}', which this commit doesn't "
                "know. Check out the commit that deployed the stack, or a newer one."
            )
        module, _, attribute = PROVIDERS[self.name].partition(":")
        made: dynamic.ResourceProvider = getattr(import_module(module), attribute)()
        return made
