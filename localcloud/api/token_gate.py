"""Who may speak to the API: the local token for everything, minted tokens for what they allow."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from localcloud.api.authentication import VERIFY_SUFFIX, bearer_token, is_token, refused
from localcloud.api.envelope import ApiError
from localcloud.api.permission_groups import ACCOUNT
from localcloud.api.permissions import is_allowed, permission_for
from localcloud.clock import VirtualClock
from localcloud.database import Database, Row
from localcloud.endpoints import ACCOUNT_ID

PREFIX = "/client/v4"
_USER_VERIFY = "/user/tokens/verify"
_USE_RECORDED_EVERY_MS = 3_600_000  # Cloudflare keeps the time of the last use coarsely, too
# The upload of assets has a token of its own: that of its session.
_OWN_AUTHENTICATION = f"/accounts/{ACCOUNT_ID}/workers/assets/upload"


@dataclass(frozen=True)
class Caller:
    """Whose token a request carries: `row` is None for the local token, which may do anything."""

    id: str
    row: Row | None = None

    @property
    def policies(self) -> list[dict[str, Any]]:
        """The policies of a minted token."""
        found: list[dict[str, Any]] = json.loads(self.row["policies"]) if self.row else []
        return found


def digest(value: str) -> str:
    """What is stored of a token's value: its SHA-256, never itself."""
    return hashlib.sha256(value.encode()).hexdigest()


class TokenGate:
    """Checks each request below /client/v4 before the router looks at its path."""

    def __init__(self, database: Database, clock: VirtualClock, token: str) -> None:
        """`token` is the local one."""
        self._database = database
        self._clock = clock
        self._token = token
        # Derived, so that it stays the same over restarts and tells nothing about the token.
        self._token_id = hashlib.sha256(b"token id:" + token.encode()).hexdigest()[:32]

    def admit(self, request: Request) -> Caller | None:
        """The caller; None for the upload of assets, which authenticates by itself.

        Raises ApiError: 400/9106 without a header, 401 for a token that is unknown, expired or
        disabled, 403/9109 for one used from a wrong address, 403/10000 for a call that the token's
        policies don't allow.
        """
        path = request.url.path.removeprefix(PREFIX)
        if path == _OWN_AUTHENTICATION:
            return None
        caller = self._identify(request)
        if caller.row is not None:
            self._check(caller.row, request, path)
            self._check_permission(caller, request.method, path)
            self._note_use(caller.row)
        return caller

    def status(self, row: Row) -> str:
        """`active`, `disabled` or `expired`, by the virtual clock."""
        if row["expires_on"] and _moment(row["expires_on"]) <= self._clock.now_ms():
            return "expired"
        return str(row["status"])

    def _identify(self, request: Request) -> Caller:
        given = bearer_token(request)
        if is_token(given, self._token):
            return Caller(self._token_id)
        row = self._database.row(
            "SELECT * FROM account_tokens WHERE value_sha256 = ?", digest(given)
        )
        if row is None:
            raise refused(request)
        return Caller(row["id"], row)

    def _check(self, row: Row, request: Request, path: str) -> None:
        if path == _USER_VERIFY:  # an account's token isn't a user's
            raise refused(request)
        if not path.endswith(VERIFY_SUFFIX):
            early = row["not_before"] and _moment(row["not_before"]) > self._clock.now_ms()
            if self.status(row) != "active" or early:
                raise refused(request)
        address = request.client.host if request.client else ""
        if not _is_allowed_address(json.loads(row["condition"] or "{}"), address):
            if path.endswith(VERIFY_SUFFIX):
                raise refused(request)
            raise ApiError(403, 9109, f"Cannot use the access token from location: {address}")

    @staticmethod
    def _check_permission(caller: Caller, method: str, path: str) -> None:
        if path == "/accounts":
            text = "List accounts endpoint does not support account owned tokens."
            raise ApiError(400, 1001, text)
        line = permission_for(path)
        if line is None:
            return  # leads nowhere: the router says so
        parts = path.split("/")
        if line.scope == ACCOUNT and parts[1] == "accounts" and parts[2] != ACCOUNT_ID:
            return  # another account, which isn't there
        zone_id = parts[2] if parts[1] == "zones" and len(parts) > 2 else None
        needed = line.needed(method)
        if needed and not is_allowed(
            caller.policies,
            needed=needed,
            scope=line.scope,
            account_id=ACCOUNT_ID,
            zone_id=zone_id,
        ):
            raise ApiError(403, 10000, "Authentication error")

    def _note_use(self, row: Row) -> None:
        last = row["last_used_on"]
        if last is None or _moment(last) + _USE_RECORDED_EVERY_MS <= self._clock.now_ms():
            self._database.execute(
                "UPDATE account_tokens SET last_used_on = ? WHERE id = ?",
                self._clock.timestamp(),
                row["id"],
            )


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _is_allowed_address(condition: dict[str, Any], address: str) -> bool:
    """Whether the address is in one of `in`, where there are any, and in none of `not_in`."""
    rule = condition.get("request_ip") or {}
    allowed, refused = rule.get("in") or [], rule.get("not_in") or []
    return (not allowed or _within(address, allowed)) and not _within(address, refused)


def _within(address: str, networks: list[str]) -> bool:
    found = ipaddress.ip_address(address)
    return any(found in ipaddress.ip_network(network, strict=False) for network in networks)
