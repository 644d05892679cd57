"""AccountToken, whose policies look different on the wire, in the program and in answers."""

from __future__ import annotations

import json
from typing import Any

from engine.providers.resource_type import Call, Properties, ResourceType

_TOKENS = "/accounts/{accountId}/tokens"
# The bridge gives lists a plural name.
_PLURALS = {"ins": "in", "notIns": "notIn"}


def _body(inputs: Properties) -> Properties:
    """The request: ``resources`` is JSON text in the program and an object on the wire."""
    body = dict(inputs)
    body["policies"] = [
        {**policy, "resources": json.loads(policy["resources"])} for policy in inputs["policies"]
    ]
    if isinstance(inputs.get("condition"), dict):
        body["condition"] = _condition(inputs["condition"], _PLURALS)
    return body


def _shape(known: Properties, outputs: Properties) -> Properties:
    """After a read, the live policies and condition; the value stays what the creation told."""
    answer = known.get("__answer")
    if answer is None:
        return outputs
    before = [_fingerprint(policy) for policy in known.get("policies") or []]
    policies = [_policy(policy) for policy in answer.get("policies") or []]
    # In the order of the state (custom.go): the API promises none.
    policies.sort(key=lambda policy: _position(before, _fingerprint(policy)))
    shaped = {**outputs, "policies": policies}
    shaped.pop("condition", None)
    if "condition" in answer:
        singulars = {value: key for key, value in _PLURALS.items()}
        shaped["condition"] = _condition(answer["condition"], singulars)
    return shaped


def _policy(answer: Properties) -> Properties:
    groups = [{"id": group["id"]} for group in answer["permissionGroups"]]
    resources = json.dumps(answer["resources"], separators=(",", ":"))
    return {"effect": answer["effect"], "permissionGroups": groups, "resources": resources}


def _condition(condition: Properties, names: dict[str, str]) -> Properties:
    rule = condition.get("requestIp") or {}
    renamed = {names.get(key, key): value for key, value in rule.items() if value is not None}
    return {"requestIp": renamed}


def _fingerprint(policy: Any) -> str:
    groups = sorted(group["id"] for group in policy["permissionGroups"])
    return "|".join((policy["effect"], policy["resources"], *groups))


def _position(before: list[str], fingerprint: str) -> int:
    return before.index(fingerprint) if fingerprint in before else len(before)


ACCOUNT_TOKEN_TYPE = ResourceType(
    name="cloudflare:index/accountToken:AccountToken",
    create=Call("POST", _TOKENS),
    read=Call("GET", f"{_TOKENS}/{{id}}"),
    update=Call("PUT", f"{_TOKENS}/{{id}}"),
    delete=Call("DELETE", f"{_TOKENS}/{{id}}"),
    id="id",
    optional=frozenset({"accountId", "name", "policies", "condition", "expiresOn", "notBefore"}),
    defaulted=frozenset({"status"}),
    computed=frozenset(
        {
            *("id", "issuedOn", "lastUsedOn", "modifiedOn", "value"),
            *("creatorEmailAtCreation", "provisionerId", "provisionerType"),
        }
    ),
    stable=frozenset({"id", "value"}),
    replaces=frozenset({"accountId"}),
    verbatim=frozenset({"policies", "condition"}),
    times=frozenset({"issuedOn", "lastUsedOn", "modifiedOn"}),
    schema_version=501,
    body=_body,
    shape=_shape,
)
