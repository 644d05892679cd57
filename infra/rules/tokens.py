"""Rules for API tokens."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from infra.access.permission import Permission, Scope
from infra.access.permission_groups import Group
from infra.access.required_permissions import (
    planning_permissions,
    required_permissions,
    watching_permissions,
)
from infra.rules.declaration import Breach, Declaration, Stack


def tokens_reach_this_account_alone(stack: Stack) -> Iterator[Breach]:
    """Refuse a token for more than this account and one zone."""
    own = f"{Scope.ACCOUNT.value}.{stack.settings.account_id}"
    for token in _tokens(stack):
        for policy in token.properties.get("policies") or ():
            for resource in _resources(policy.resources):
                is_zone = resource.startswith(f"{Scope.ZONE.value}.")
                if resource != own and (not is_zone or resource.endswith("*")):
                    yield Breach(
                        token.name,
                        f"it reaches {resource}. A token is for this account and one zone of it.",
                    )
        if not stack.settings.manage_access:
            yield Breach(
                token.name, "tokens are made where manageAccess is true, and nowhere else."
            )


def tokens_have_listed_permissions_alone(stack: Stack) -> Iterator[Breach]:
    """Each permission of a token is one of its kind's list, in the scope of the list.

    What an id stands for is told by the account's own list, not by what the token was made from.
    """
    groups = {group.id: group for group in stack.permission_groups}
    for token in _tokens(stack):
        allowed = _allowed(stack, token)
        for policy in token.properties.get("policies") or ():
            if policy.effect != "allow":
                yield Breach(token.name, f"a policy says '{policy.effect}'. It must be 'allow'.")
            resources = _resources(policy.resources)
            for entry in policy.permission_groups or ():
                group = groups.get(str(entry.id))
                if group is None:
                    yield Breach(
                        token.name,
                        f"it has the permission group {entry.id}, which the account doesn't list.",
                    )
                elif not _is_listed(group, allowed, resources):
                    yield Breach(
                        token.name,
                        f"it has '{group.name}', which isn't on its list of permissions "
                        "(infra/access/required_permissions.py).",
                    )


def _tokens(stack: Stack) -> list[Declaration]:
    return stack.of_type("AccountToken", "ApiToken")


def _allowed(stack: Stack, token: Declaration) -> tuple[Permission, ...]:
    """Return the permissions that tokens of this name may have; none for an unknown name."""
    kinds = {
        "ci-token-": required_permissions,
        "watch-token-": watching_permissions,
        "plan-token-": planning_permissions,
    }
    for prefix, permissions in kinds.items():
        if token.name.startswith(prefix):
            return permissions(stack.settings)
    return ()


def _is_listed(group: Group, allowed: Collection[Permission], resources: Collection[str]) -> bool:
    """Whether the group is an allowed permission, given for resources of that one's scope.

    A zone's resource begins with the account's scope, too: the rest must be an id.
    """
    return any(
        item.group == group.name
        and item.scope.value in group.scopes
        and all(resource.rpartition(".")[0] == item.scope.value for resource in resources)
        for item in allowed
    )


def _resources(text: Any) -> list[str]:
    found = json.loads(text) if isinstance(text, str) else text
    return sorted(found) if isinstance(found, dict) else [str(found)]
