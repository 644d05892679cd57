"""What a token may be: its policies, condition and times, as Cloudflare takes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from localcloud.api.envelope import ApiError
from localcloud.api.permission_groups import ACCOUNT, GROUPS_BY_ID, ZONE, PermissionGroup
from localcloud.endpoints import ACCOUNT_ID

MALFORMED = 1001


def _time(text: str) -> str:
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise ValueError("must be a time with its offset from UTC, such as 2026-01-31T12:00:00Z")
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be an address or a network, such as 192.0.2.0/24") from None
    return text


Time = Annotated[str, AfterValidator(_time)]
Network = Annotated[str, AfterValidator(_network)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str


class Policy(BaseModel):
    """Groups of permissions on resources."""

    model_config = ConfigDict(extra="ignore")
    effect: Literal["allow", "deny"]
    permission_groups: list[_Group] = Field(min_length=1)
    resources: dict[str, str | dict[str, str]] = Field(min_length=1)


class _RequestIp(BaseModel):
    in_: list[Network] | None = Field(default=None, alias="in")
    not_in: list[Network] | None = None


class _Condition(BaseModel):
    request_ip: _RequestIp | None = None


class TokenDocument(BaseModel):
    """The body of a create or a change; times are RFC 3339, networks CIDR."""

    model_config = ConfigDict(extra="ignore")
    name: str = Field(min_length=1, max_length=120)
    policies: list[Policy] = Field(min_length=1)
    condition: _Condition | None = None
    expires_on: Time | None = None
    not_before: Time | None = None
    status: Literal["active", "disabled", "expired"] = "active"

    def condition_json(self) -> str | None:
        """The condition as it is stored, without what wasn't given."""
        if self.condition is None:
            return None
        return self.condition.model_dump_json(exclude_none=True, by_alias=True)


def checked_policies(
    policies: Sequence[Policy], *, new_id: Callable[[], str]
) -> list[dict[str, Any]]:
    """The policies as they are stored, with ids of their own.

    Raises ApiError(400): an unknown group, a group whose scope none of the resources has, or a
    resource of another account.
    """
    documents = []
    for number, policy in enumerate(policies, start=1):
        scopes = {_scope(name, value) for name, value in policy.resources.items()}
        for group in policy.permission_groups:
            known = GROUPS_BY_ID.get(group.id)
            if known is None:
                text = f"Policy {number}: there is no permission group {group.id[:80]!r}."
                raise ApiError(400, MALFORMED, text)
            _check_scope(number, known, scopes)
        documents.append({"id": new_id(), **policy.model_dump()})
    return documents


def _scope(name: str, value: str | dict[str, str]) -> str:
    """The scope that a policy's resource gives. Raises ApiError for what isn't this account's."""
    if name.startswith(f"{ZONE}."):
        return ZONE
    if name == f"{ACCOUNT}.{ACCOUNT_ID}":
        return ACCOUNT if value == "*" else ZONE
    raise ApiError(400, MALFORMED, f"The resource {name[:120]!r} isn't part of this account.")


def _check_scope(number: int, group: PermissionGroup, scopes: set[str]) -> None:
    if group.scope not in scopes:
        text = f"Policy {number}: {group.name!r} needs a resource of scope {group.scope}."
        raise ApiError(400, MALFORMED, text)
