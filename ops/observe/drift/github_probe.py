"""Compares the GitHub resources of a state with the repository."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ops.github.repository import Repository
from ops.observe.drift.cloudflare_probe import GONE
from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.managed import Managed

_SECRETS = {
    "github:ActionsSecret": ("actions/secrets/{name}", "secretName", "Actions secret"),
    "github:ActionsEnvironmentSecret": (
        "environments/{environment}/secrets/{name}",
        "secretName",
        "environment secret",
    ),
}
_VARIABLES = {
    "github:ActionsVariable": ("actions/variables/{name}", "variableName", "Actions variable"),
    "github:ActionsEnvironmentVariable": (
        "environments/{environment}/variables/{name}",
        "variableName",
        "environment variable",
    ),
}


class GithubProbe:
    """Reads environments with their reviewers, and whether secrets and variables are there.

    Args:
        repository: the repository that deploys the stack.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def findings(self, resource: Managed) -> Iterator[Finding]:
        """Yield what differs.

        Raises:
            OperationError: GitHub refused, or gave no answer.
        """
        if resource.type == "github:RepositoryEnvironment":
            yield from self._environment(resource)
        elif resource.type in _SECRETS:
            yield from self._there(resource, *_SECRETS[resource.type])
        elif resource.type in _VARIABLES:
            yield from self._there(resource, *_VARIABLES[resource.type], with_value=True)

    def _there(
        self,
        resource: Managed,
        path: str,
        key: str,
        kind: str,
        *,
        with_value: bool = False,
    ) -> Iterator[Finding]:
        name = resource.text(key)
        found = self._get(resource, path, name)
        if found is None:
            yield Finding(kind, resource.name, name, GONE, Repair.UPDATE)
        elif with_value and found.get("value") != resource.outputs.get("value"):
            said = f"{name} as declared", f"{name} with another value"
            yield Finding(kind, resource.name, *said, Repair.UPDATE)

    def _environment(self, resource: Managed) -> Iterator[Finding]:
        name = resource.text("environment")
        found = self._get(resource, "environments/{environment}", "")
        if found is None:
            yield Finding("environment", resource.name, name, GONE, Repair.UPDATE)
            return
        wanted = {
            int(user)
            for reviewers in resource.outputs.get("reviewers") or []
            for user in reviewers.get("users") or []
        }
        rules = found.get("protection_rules") or []
        actual = {
            int(entry["reviewer"]["id"])
            for rule in rules
            for entry in rule.get("reviewers") or []
            if entry.get("type") == "User"
        }
        if wanted != actual:
            said = f"{len(wanted)} reviewers", f"{len(actual)} reviewers, other ones"
            yield Finding("reviewers", resource.name, *said, Repair.UPDATE)
        prevents = any(rule.get("prevent_self_review") for rule in rules)
        if wanted and bool(resource.outputs.get("preventSelfReview")) != prevents:
            said = "prevented", "allowed"
            yield Finding("self-review", resource.name, *said, Repair.UPDATE)

    def _get(self, resource: Managed, path: str, name: str) -> dict[str, Any] | None:
        filled = path.format(
            name=quote(name, safe=""), environment=quote(resource.text("environment"), safe="")
        )
        found: dict[str, Any] | None = self._repository.read(f"/{filled}")
        return found
