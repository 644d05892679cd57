"""Rules for API tokens."""

import json
from collections.abc import Iterator
from typing import Any

from infra.access.permission import Permission, Scope
from infra.rules.declaration import Breach, Stack


def tokens_reach_this_account_alone(stack: Stack) -> Iterator[Breach]:
    """A token is for this account and one zone, with at most the permissions that are listed."""
    own = f"{Scope.ACCOUNT.value}.{stack.settings.account_id}"
    for token in stack.of_type("AccountToken", "ApiToken"):
        groups = 0
        for policy in token.properties.get("policies") or ():
            groups += len(policy.permission_groups or ())
            for resource in _resources(policy.resources):
                is_zone = resource.startswith(f"{Scope.ZONE.value}.")
                if resource != own and (not is_zone or resource.endswith("*")):
                    yield Breach(
                        token.name,
                        f"it reaches {resource}. A token is for this account and one zone of it.",
                    )
        if groups > len(Permission):
            yield Breach(
                token.name,
                f"it has {groups} permissions, and CI's list has {len(Permission)}.",
            )
        if not stack.settings.manage_access:
            yield Breach(
                token.name, "tokens are made where manageAccess is true, and nowhere else."
            )


def _resources(text: Any) -> list[str]:
    found = json.loads(text) if isinstance(text, str) else text
    return sorted(found) if isinstance(found, dict) else [str(found)]
