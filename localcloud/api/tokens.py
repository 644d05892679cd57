"""Account tokens: minted with policies, shown once, rolled, disabled, deleted."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.accounts import ACTIVE
from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.permission_groups import GROUPS_BY_ID, PERMISSION_GROUPS
from localcloud.api.resources import Account
from localcloud.api.token_document import MALFORMED, TokenDocument, checked_policies
from localcloud.api.token_gate import Caller, TokenGate, digest
from localcloud.database import Row

# Codes: 1001 malformed request, 1003 unknown token.
_VALUE_LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits


class Tokens:
    """The tokens that belong to the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._database = account.database

    def routes(self, gate: TokenGate) -> Sequence[Route]:
        """/tokens and below, and the list of permission groups; paths begin below the account."""
        self._gate = gate
        one = "/tokens/{token_id}"
        return [
            Route("/tokens/permission_groups", self._groups, methods=["GET"]),
            Route("/tokens/verify", self._verify, methods=["GET"]),
            Route("/tokens", self._create, methods=["POST"]),
            Route("/tokens", self._listing, methods=["GET"]),
            Route(one, self._read, methods=["GET"]),
            Route(one, self._change, methods=["PUT"]),
            Route(one, self._delete, methods=["DELETE"]),
            Route(one + "/value", self._roll, methods=["PUT"]),
        ]

    async def _groups(self, request: Request) -> Response:
        query = ListQuery(request, code=MALFORMED)
        name = query.prefix("name").lower()
        scope = query.text("scope")
        found = [
            group.document()
            for group in PERMISSION_GROUPS
            if name in group.name.lower() and scope in {None, group.scope}
        ]
        return query.page(found, per_page=max(len(found), 1))

    async def _verify(self, request: Request) -> Response:
        caller: Caller = request.state.caller
        status = self._gate.status(caller.row) if caller.row else "active"
        messages = [ACTIVE] if status == "active" else []
        return success({"id": caller.id, "status": status}, messages=messages)

    async def _create(self, request: Request) -> Response:
        wanted = await body_model(request, TokenDocument, code=MALFORMED)
        policies = checked_policies(wanted.policies, new_id=self._account.ids)
        identifier, value, now = self._account.ids(), _value(), self._account.clock.timestamp()
        self._database.execute(
            "INSERT INTO account_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            identifier,
            wanted.name,
            json.dumps(policies),
            wanted.condition_json(),
            wanted.expires_on,
            wanted.not_before,
            wanted.status,
            now,
            now,
            digest(value),
        )
        return success({**self._shown(self._find(identifier)), "value": value})

    async def _listing(self, request: Request) -> Response:
        query = ListQuery(request, code=MALFORMED)
        include_expired = query.flag("include_expired")
        rows = self._database.rows("SELECT * FROM account_tokens ORDER BY rowid")
        if query.choice("direction", ("asc", "desc"), "asc") == "desc":
            rows.reverse()
        found = [self._shown(row) for row in rows]
        if include_expired is False:
            found = [token for token in found if token["status"] != "expired"]
        return query.page(found)

    async def _read(self, request: Request) -> Response:
        return success(self._shown(self._find(request.path_params["token_id"])))

    async def _change(self, request: Request) -> Response:
        row = self._find(request.path_params["token_id"])
        wanted = await body_model(request, TokenDocument, code=MALFORMED)
        self._database.execute(
            "UPDATE account_tokens SET name = ?, policies = ?, condition = ?, expires_on = ?, "
            "not_before = ?, status = ?, modified_on = ? WHERE id = ?",
            wanted.name,
            json.dumps(checked_policies(wanted.policies, new_id=self._account.ids)),
            wanted.condition_json(),
            wanted.expires_on,
            wanted.not_before,
            # What the clock decides isn't set by hand: a later end makes it active again.
            "active" if wanted.status == "expired" else wanted.status,
            self._account.clock.timestamp(),
            row["id"],
        )
        return success(self._shown(self._find(row["id"])))

    async def _delete(self, request: Request) -> Response:
        row = self._find(request.path_params["token_id"])
        self._database.execute("DELETE FROM account_tokens WHERE id = ?", row["id"])
        return success({"id": row["id"]})

    async def _roll(self, request: Request) -> Response:
        row = self._find(request.path_params["token_id"])
        value = _value()
        self._database.execute(
            "UPDATE account_tokens SET value_sha256 = ?, modified_on = ? WHERE id = ?",
            digest(value),
            self._account.clock.timestamp(),
            row["id"],
        )
        return success(value)

    def _find(self, identifier: str) -> Row:
        row = self._database.row("SELECT * FROM account_tokens WHERE id = ?", identifier)
        if row is None:
            raise ApiError(404, 1003, "Valid token ID required, this one doesn't exist.")
        return row

    def _shown(self, row: Row) -> dict[str, Any]:
        policies = json.loads(row["policies"])
        for policy in policies:
            policy["permission_groups"] = [
                {"id": group["id"], "name": GROUPS_BY_ID[group["id"]].name}
                for group in policy["permission_groups"]
            ]
        found = {
            "id": row["id"],
            "name": row["name"],
            "status": self._gate.status(row),
            "issued_on": row["issued_on"],
            "modified_on": row["modified_on"],
            "policies": policies,
        }
        for name in ("last_used_on", "expires_on", "not_before"):
            if row[name]:
                found[name] = row[name]
        if row["condition"]:
            found["condition"] = json.loads(row["condition"])
        return found


def _value() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_VALUE_LENGTH))
