"""Cloudflare's permission groups for everything that this cloud offers, and some neighbours.

Ids and names are global at Cloudflare: the same in every account, as GET
/accounts/{id}/tokens/permission_groups answers them. Two names are there twice, once for accounts
and once for zones, so that a look-up by name alone can be seen to be ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNT = "com.cloudflare.api.account"
ZONE = "com.cloudflare.api.account.zone"


@dataclass(frozen=True)
class PermissionGroup:
    """A bundle of permissions that a token's policy names by id."""

    id: str
    name: str
    scope: str

    def document(self) -> dict[str, object]:
        """The shape of the API."""
        return {"id": self.id, "name": self.name, "scopes": [self.scope]}


PERMISSION_GROUPS = tuple(
    PermissionGroup(id_, name, scope)
    for id_, name, scope in (
        ("eb56a6953c034b9d97dd838155666f06", "Account API Tokens Read", ACCOUNT),
        ("5bc3f8b21c554832afc660159ab75fa4", "Account API Tokens Write", ACCOUNT),
        ("b89a480218d04ceb98b4fe57ca29dc1f", "Account Analytics Read", ACCOUNT),
        ("c1fde68c7bcc44588cbb6ddbc16d6480", "Account Settings Read", ACCOUNT),
        ("1af1fa2adc104452b74a9a3364202f20", "Account Settings Write", ACCOUNT),
        ("192192df92ee43ac90f2aeeffce67e35", "D1 Read", ACCOUNT),
        ("09b2857d1c31407795e75e3fed8617a1", "D1 Write", ACCOUNT),
        ("82e64a83756745bbbb1c9c2701bf816b", "DNS Read", ZONE),
        ("4755a26eedb94da69e1066d98aa820be", "DNS Write", ZONE),
        ("6a315a56f18441e59ed03352369ae956", "Logs Read", ACCOUNT),
        ("c4a30cd58c5d42619c86a3c36c441e2d", "Logs Read", ZONE),
        ("96163bd1b0784f62b3e44ed8c2ab1eb6", "Logs Write", ACCOUNT),
        ("3e0b5820118e47f3922f7c989e673882", "Logs Write", ZONE),
        ("84a7755d54c646ca87cd50682a34bf7c", "Queues Read", ACCOUNT),
        ("366f57075ffc42689627bcf8242a1b6d", "Queues Write", ACCOUNT),
        ("7b7216b327b04b8fbc8f524e1f9b7531", "SSL and Certificates Read", ZONE),
        ("c03055bc037c4ea9afb9a9f104b7b721", "SSL and Certificates Write", ZONE),
        ("8b47d2786a534c08a1f94ee8f9f599ef", "Workers KV Storage Read", ACCOUNT),
        ("f7f0eda5697f475c90846e879bab8666", "Workers KV Storage Write", ACCOUNT),
        ("66c1ed49f4ed46098b75696a6d4ee3c9", "Workers Observability Read", ACCOUNT),
        ("29c629fb7b5e4c408ca0f7b545724fcc", "Workers Observability Telemetry Write", ACCOUNT),
        ("82c075da3f4647a2a03becd0fe240f8a", "Workers Observability Write", ACCOUNT),
        ("b4992e1108244f5d8bfbd5744320c2e1", "Workers R2 Storage Read", ACCOUNT),
        ("bf7481a1826f439697cb59a20b22293e", "Workers R2 Storage Write", ACCOUNT),
        ("2072033d694d415a936eaeb94e6405b8", "Workers Routes Read", ZONE),
        ("28f4b596e7d643029c524985477ae49a", "Workers Routes Write", ZONE),
        ("1a71c399035b4950a1bd1466bbe4f420", "Workers Scripts Read", ACCOUNT),
        ("e086da7e2179491d91ee5f35b3ca210a", "Workers Scripts Write", ACCOUNT),
        ("05880cd1bdc24d8bae0be2136972816b", "Workers Tail Read", ACCOUNT),
        ("c8fed203ed3043cba015a93ad1616f1f", "Zone Read", ZONE),
        ("517b21aee92c4d89936c976ba6e4be55", "Zone Settings Read", ZONE),
        ("3030687196b94b638145a3953da2b699", "Zone Settings Write", ZONE),
        ("e6d2666161e84845a636613608cee8d5", "Zone Write", ZONE),
    )
)

GROUPS_BY_ID = {group.id: group for group in PERMISSION_GROUPS}
