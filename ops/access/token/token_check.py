"""Checks a token: is it one, is it active, has it what a deployment needs, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from infra.access.permission import Permission, Scope
from ops.access.token.token_api import TokenApi
from ops.access.token.token_report import TokenReport

_FORM = re.compile(r"[A-Za-z0-9_-]{40,120}")
# Ids that nothing has: what is asked for with them is refused or not found, and changes nothing.
_NOBODY = "0" * 32
_Held = tuple[str, str]


class TokenCheck:
    """A check against one account, and one zone where a permission is a zone's.

    Args:
        api: the API as the token sees it.
        account_id: 32 hexadecimal digits.
        zone_id: the zone's id, or None where its name has to lead to it.
        zone_name: the zone's name, or None.
    """

    def __init__(
        self, api: TokenApi, account_id: str, *, zone_id: str | None, zone_name: str | None
    ) -> None:
        self._api = api
        self._account = f"/accounts/{account_id}"
        self._zone_id = zone_id
        self._zone_name = zone_name

    def run(self, needed: Sequence[Permission]) -> TokenReport:
        """Verify the token and compare what it may do with ``needed``.

        Raises:
            ServiceError: the API didn't answer, or in an unknown form.
        """
        with self._api.understood():
            return self._compared(needed)

    def _compared(self, needed: Sequence[Permission]) -> TokenReport:
        verified = self._api.ask("GET", f"{self._account}/tokens/verify")
        if verified.status != 200:
            verified = self._api.ask("GET", "/user/tokens/verify")
        if verified.status != 200:
            return TokenReport("malformed" if 6111 in verified.codes else "invalid")
        status = str(verified.result["status"])
        if status != "active":
            return TokenReport(status, expires_on=verified.result.get("expires_on"))
        own = self._api.ask("GET", f"{self._account}/tokens/{verified.result['id']}")
        if own.status == 200:
            return self.compare(own.result, needed)
        granted = [item for item in needed if self._may(item)]
        listing = self._api.ask("GET", f"{self._account}/tokens")
        return TokenReport(
            "active",
            "calls",
            granted=_shown(granted),
            missing=_shown(item for item in needed if item not in granted),
            surplus=("Account → Account API Tokens → Read",) if listing.is_allowed else (),
            expires_on=verified.result.get("expires_on"),
        )

    @staticmethod
    def compare(token: dict[str, Any], needed: Sequence[Permission]) -> TokenReport:
        """Compare a token's document, as the API answers it, with what is needed."""
        held = set(_held(token.get("policies") or ()))
        wanted = {(item.group, item.scope.value): item for item in needed}
        return TokenReport(
            str(token.get("status", "active")),
            "policies",
            granted=_shown(item for key, item in wanted.items() if key in held),
            missing=_shown(item for key, item in wanted.items() if key not in held),
            surplus=tuple(sorted(_worded(key) for key in held - set(wanted))),
            expires_on=token.get("expires_on"),
        )

    def _may(self, permission: Permission) -> bool:
        """Try the permission by a call that an authorised token is told to be incomplete."""
        call = {
            Permission.D1_WRITE: ("POST", f"{self._account}/d1/database"),
            Permission.WORKERS_KV_STORAGE_WRITE: (
                "POST",
                f"{self._account}/storage/kv/namespaces",
            ),
            Permission.QUEUES_WRITE: ("POST", f"{self._account}/queues"),
            Permission.WORKERS_SCRIPTS_WRITE: ("POST", f"{self._account}/workers/workers"),
            Permission.ACCOUNT_SETTINGS_READ: ("GET", self._account),
            Permission.ZONE_READ: ("GET", f"/zones?name={self._zone_name or ''}"),
            Permission.WORKERS_ROUTES_WRITE: ("POST", f"/zones/{self._zone()}/workers/routes"),
            Permission.WORKERS_R2_STORAGE_WRITE: ("POST", f"{self._account}/r2/buckets"),
        }[permission]
        method, path = call
        answer = self._api.ask(method, path, {} if method == "POST" else None)
        if permission is Permission.ZONE_READ:
            return answer.is_allowed and bool(answer.result)  # zones it may not read aren't listed
        return answer.is_allowed

    def _zone(self) -> str:
        if self._zone_id is None and self._zone_name:
            found = self._api.ask("GET", f"/zones?name={self._zone_name}").result or []
            self._zone_id = next((str(zone["id"]) for zone in found), _NOBODY)
        return self._zone_id or _NOBODY


def is_token(text: str) -> bool:
    """Whether a text has the form of a token: 40 letters, digits, '_' and '-', or more of them."""
    return _FORM.fullmatch(text) is not None


def _held(policies: Iterable[dict[str, Any]]) -> Iterator[_Held]:
    denied = {
        key for policy in policies if policy["effect"] == "deny" for key in _groups_of(policy)
    }
    for policy in policies:
        if policy["effect"] == "allow":
            yield from (key for key in _groups_of(policy) if key not in denied)


def _groups_of(policy: dict[str, Any]) -> Iterator[_Held]:
    for resource, value in policy["resources"].items():
        in_zone = resource.startswith(f"{Scope.ZONE.value}.") or isinstance(value, dict)
        scope = Scope.ZONE if in_zone else Scope.ACCOUNT
        for group in policy["permission_groups"]:
            yield str(group.get("name") or group["id"]), scope.value


def _worded(held: _Held) -> str:
    name, _, level = held[0].rpartition(" ")
    scope = Scope(held[1]).name.title()
    return f"{scope} → {name} → {'Edit' if level == 'Write' else level}"


def _shown(permissions: Iterable[Permission]) -> tuple[str, ...]:
    return tuple(permission.shown for permission in permissions)
