"""The GitHub resource types that programs of this project use.

Property names, defaults, replacement rules, ids and schema versions are those of
terraform-provider-github 6.13 (github/resource_github_*.go), which pulumi-github 6.15 bridges. A
change of ``repository`` replaces: the real provider spares that for a renamed repository, and here
is none to rename.
"""

from __future__ import annotations

from engine.providers.github_shapes import (
    environment_body,
    environment_defaults,
    environment_shape,
    identified,
    policy_body,
    policy_shape,
    secret_shape,
)
from engine.providers.resource_type import Call, Lookup, Properties, ResourceType

_ENVIRONMENT = "/{repository}/environments/{environment}"
_POLICIES = f"{_ENVIRONMENT}/deployment-branch-policies"
_REPLACED_SECRET_INPUTS = frozenset(
    {"plaintextValue", "encryptedValue", "valueEncrypted", "destroyOnDrift"}
)


def _value_body(inputs: Properties) -> Properties:
    return {"value": inputs.get("value")}


def _variable_body(inputs: Properties) -> Properties:
    return {"name": inputs["variableName"], "value": inputs["value"]}


def _same_variable(item: Properties, inputs: Properties) -> bool:
    return bool(item["name"] == str(inputs["variableName"]).upper())


def _same_policy(item: Properties, inputs: Properties) -> bool:
    return item.get("type") == policy_body(inputs)["type"] and bool(
        item.get("name") == policy_body(inputs)["name"]
    )


def _secret(name: str, prefix: str, *, place: tuple[str, ...], version: int) -> ResourceType:
    path = f"{prefix}/secrets/{{secretName}}"
    times = frozenset({"createdAt", "updatedAt", "remoteUpdatedAt"})
    return ResourceType(
        name=name,
        create=Call("PUT", path),
        read=Call("GET", path),
        update=Call("PUT", path),
        delete=Call("DELETE", path),
        id="id",
        optional=frozenset({*place, "secretName", "value"}),
        defaulted=frozenset({"keyId"}),
        refused=_REPLACED_SECRET_INPUTS,
        computed=times | {"repositoryId"},
        stable=times | {"repositoryId"},
        replaces=frozenset({*place, "secretName"}),
        in_path=frozenset({*place, "secretName"}),
        unread=times | {"value", "keyId"},
        schema_version=version,
        repeatable=True,
        body=_value_body,
        shape=secret_shape(*place, "secretName"),
    )


def _variable(name: str, prefix: str, *, place: tuple[str, ...]) -> ResourceType:
    path = f"{prefix}/variables"
    computed = frozenset({"createdAt", "updatedAt", "repositoryId"})
    return ResourceType(
        name=name,
        create=Call("POST", path),
        read=Call("GET", f"{path}/{{variableName}}"),
        update=Call("PATCH", f"{path}/{{variableName}}"),
        delete=Call("DELETE", f"{path}/{{variableName}}"),
        id="id",
        optional=frozenset({*place, "variableName", "value"}),
        computed=computed,
        stable=computed,
        replaces=frozenset({*place, "variableName"}),
        in_path=frozenset({*place, "variableName"}),
        schema_version=1,
        lookup=Lookup(path, _same_variable, "variables"),
        body=_variable_body,
        shape=identified(*place, "variableName"),
    )


_TYPES = (
    ResourceType(
        name="github:index/repositoryEnvironment:RepositoryEnvironment",
        create=Call("PUT", _ENVIRONMENT),
        read=Call("GET", _ENVIRONMENT),
        update=Call("PUT", _ENVIRONMENT),
        delete=Call("DELETE", _ENVIRONMENT),
        id="id",
        optional=frozenset(
            {
                *("repository", "environment", "canAdminsBypass", "preventSelfReview"),
                *("waitTimer", "reviewers", "deploymentBranchPolicy"),
            }
        ),
        computed=frozenset({"repositoryId"}),
        stable=frozenset({"repositoryId"}),
        replaces=frozenset({"repository", "environment"}),
        in_path=frozenset({"repository", "environment"}),
        schema_version=1,
        repeatable=True,
        fill=environment_defaults,
        body=environment_body,
        shape=environment_shape,
    ),
    ResourceType(
        name=(
            "github:index/repositoryEnvironmentDeploymentPolicy:"
            "RepositoryEnvironmentDeploymentPolicy"
        ),
        create=Call("POST", _POLICIES),
        read=Call("GET", f"{_POLICIES}/{{policyId}}"),
        update=Call("PUT", f"{_POLICIES}/{{policyId}}"),
        delete=Call("DELETE", f"{_POLICIES}/{{policyId}}"),
        id="id",
        optional=frozenset({"repository", "environment", "branchPattern", "tagPattern"}),
        computed=frozenset({"policyId", "repositoryId"}),
        stable=frozenset({"policyId", "repositoryId"}),
        replaces=frozenset({"repository", "environment"}),
        in_path=frozenset({"repository", "environment"}),
        schema_version=1,
        lookup=Lookup(_POLICIES, _same_policy, "branch_policies"),
        body=policy_body,
        shape=policy_shape,
    ),
    _secret(
        "github:index/actionsSecret:ActionsSecret",
        "/{repository}/actions",
        place=("repository",),
        version=2,
    ),
    _secret(
        "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret",
        _ENVIRONMENT,
        place=("repository", "environment"),
        version=1,
    ),
    _variable(
        "github:index/actionsVariable:ActionsVariable",
        "/{repository}/actions",
        place=("repository",),
    ),
    _variable(
        "github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable",
        _ENVIRONMENT,
        place=("repository", "environment"),
    ),
)

GITHUB_TYPES = {type_.name: type_ for type_ in _TYPES}
