"""Compares the GitHub resources of a state with the repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from engine.providers.github_shapes import environment_body, environment_defaults
from engine.providers.property_naming import to_wire
from ops.github.repository import Repository
from ops.observe.drift.comparison import GONE, Compared, Kind
from ops.observe.drift.finding import Finding, Repair, Unmanaged
from ops.observe.drift.managed import Managed
from ops.stacks.errors import OperationError

_ADDRESS = "it identifies the resource: another value would be another resource"
_NEVER_TOLD = "GitHub doesn't show secrets; the time shows that it was set again"
_POLICY = "github:RepositoryEnvironmentDeploymentPolicy"


def _people(reviewers: Any) -> frozenset[tuple[str, int]]:
    """Users and teams, whatever groups they are written in."""
    return frozenset(
        (kind, int(one))
        for group in reviewers or ()
        for kind in ("users", "teams")
        for one in group.get(kind) or ()
    )


def _told(people: frozenset[tuple[str, int]]) -> str:
    return ", ".join(f"{kind.removesuffix('s')} {one}" for kind, one in sorted(people)) or "nobody"


def _secret(title: str, *place: str) -> Kind:
    return Kind(
        title, {}, {**dict.fromkeys(("repository", "secretName", *place), _ADDRESS),
                    "value": _NEVER_TOLD}
    )  # fmt: skip


def _variable(title: str, *place: str) -> Kind:
    names = dict.fromkeys(("repository", "variableName", *place), _ADDRESS)
    return Kind(title, {"value": Compared(title)}, names)


KINDS: Mapping[str, Kind] = {
    "github:RepositoryEnvironment": Kind(
        "environment",
        {
            # The provider doesn't see that the rule of both is gone, so that an update leaves it so
            # (terraform-provider-github, resource_github_repository_environment.go, Read).
            "reviewers": Compared("reviewers", Repair.CALL, form=_people, tell=_told),
            "preventSelfReview": Compared("self-review", Repair.CALL),
            "canAdminsBypass": Compared("admin bypass"),
            "deploymentBranchPolicy": Compared("branch policy"),
            "waitTimer": Compared("wait timer"),
        },
        {"repository": _ADDRESS, "environment": _ADDRESS},
        watched={"reviewers": [], "waitTimer": 0},
    ),
    _POLICY: Kind(
        "branch policy",
        {"branchPattern": Compared("branch policy")},
        {"repository": _ADDRESS, "environment": _ADDRESS},
    ),
    "github:ActionsSecret": _secret("Actions secret"),
    "github:ActionsEnvironmentSecret": _secret("environment secret", "environment"),
    "github:ActionsVariable": _variable("Actions variable"),
    "github:ActionsEnvironmentVariable": _variable("environment variable", "environment"),
}
"""What is compared of each kind of resource."""

_PATHS = {
    "github:RepositoryEnvironment": "/environments/{environment}",
    _POLICY: "/environments/{environment}/deployment-branch-policies",
    "github:ActionsSecret": "/actions/secrets/{secretName}",
    "github:ActionsEnvironmentSecret": "/environments/{environment}/secrets/{secretName}",
    "github:ActionsVariable": "/actions/variables/{variableName}",
    "github:ActionsEnvironmentVariable": "/environments/{environment}/variables/{variableName}",
}


class GithubProbe:
    """Reads environments with their gates, and whether secrets and variables are as they were set.

    Args:
        repository: the repository that deploys the stack.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def findings(self, resource: Managed) -> Iterator[Finding | Unmanaged]:
        """Yield what differs, and what was set past the program.

        Raises:
            OperationError: GitHub refused, gave no answer, or one from which nothing follows.
        """
        kind = KINDS.get(resource.type)
        if kind is None:
            return
        names = ("environment", "secretName", "variableName")
        filled = {name: quote(resource.text(name), safe="") for name in names}
        found = self._repository.read(_PATHS[resource.type].format(**filled))
        if resource.type == _POLICY:
            yield from self._branches(kind, resource, found)
        elif found is None:
            said = next((text for name in reversed(names) if (text := resource.text(name))), "")
            yield Finding(kind.title, resource.name, said, GONE, kind.gone)
        elif not isinstance(found, dict) or "name" not in found:
            # Every property would seem to be gone.
            raise OperationError(f"GitHub answered without {resource.name}. Try again.")
        elif resource.type == "github:RepositoryEnvironment":
            yield from kind.differences(resource, _gates(found))
        else:
            yield from kind.differences(resource, found)
            yield from _set_again(kind, resource, found)

    def put_gate(self, resource: Managed) -> None:
        """Make an environment's gate what the program says.

        Raises:
            OperationError: GitHub refused, or gave no answer.
        """
        path = _PATHS[resource.type].format(
            environment=quote(resource.text("environment"), safe="")
        )
        body = to_wire(environment_body(environment_defaults(dict(resource.inputs))))
        self._repository.call("PUT", path, body=body)

    @staticmethod
    def _branches(kind: Kind, resource: Managed, found: Any) -> Iterator[Finding]:
        """Compare all branches that may deploy: one more opens the gate, whoever allowed it."""
        wanted = resource.text("branchPattern")
        policies = [] if found is None else found["branch_policies"]
        actual = sorted(str(one["name"]) for one in policies)
        if actual != [wanted]:
            repair = kind.gone if wanted not in actual else Repair.NONE
            yield Finding(kind.title, resource.name, wanted, ", ".join(actual) or GONE, repair)


def _gates(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment in the form of the resource's inputs."""
    rules = found.get("protection_rules") or []
    reviewers = [one for rule in rules for one in rule.get("reviewers") or ()]
    policy = found.get("deployment_branch_policy") or {}
    people = {
        f"{kind.lower()}s": [one["reviewer"]["id"] for one in reviewers if one["type"] == kind]
        for kind in ("User", "Team")
    }
    return {
        "reviewers": [people] if reviewers else [],
        "preventSelfReview": any(rule.get("prevent_self_review") for rule in rules),
        "canAdminsBypass": found.get("can_admins_bypass", True),
        "deploymentBranchPolicy": {
            "protectedBranches": policy.get("protected_branches", False),
            "customBranchPolicies": policy.get("custom_branch_policies", False),
        },
        "waitTimer": max((int(rule.get("wait_timer") or 0) for rule in rules), default=0),
    }


def _set_again(kind: Kind, resource: Managed, found: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare the time at which a secret was set with the one that the provider has kept."""
    known = _moment(resource.text("remoteUpdatedAt") or resource.text("updatedAt"))
    actual = _moment(str(found.get("updated_at") or ""))
    if "value" in kind.elsewhere and known and actual and known != actual:
        said = f"set at {known:%F %T}", f"set again at {actual:%F %T}"
        yield Finding(kind.title, resource.name, *said, Repair.UPDATE)


def _moment(text: str) -> datetime | None:
    """Read GitHub's time, or the provider's: ``2026-11-29 09:07:07 +0000 UTC``, as Go prints it."""
    try:
        return datetime.fromisoformat(text.removesuffix(" UTC").replace(" +", "+"))
    except ValueError:
        return None
