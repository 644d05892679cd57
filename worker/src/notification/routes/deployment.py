"""`GET /api/deployment`: which release answers, and whether its secrets are the release's."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

from notification.http.parameters import whole_number
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.identity import first_row_id
from notification.ports.database import Row, Statement, Value
from notification.settings import Settings

MAX_COUNTED = 2_000
"""Notifications whose attempts are counted by version."""
_VERSIONS = """
SELECT json_extract(tried.value, '$.version') AS version, COUNT(*) AS attempts,
  SUM(json_extract(tried.value, '$.code') IS NULL) AS accepted,
  MIN(json_extract(tried.value, '$.at')) AS first_at,
  MAX(json_extract(tried.value, '$.at')) AS last_at
FROM (SELECT attempts FROM notification_logs WHERE id >= ?1 ORDER BY id DESC LIMIT ?2) AS newest,
  json_each(newest.attempts) AS tried
WHERE json_extract(tried.value, '$.version') IS NOT NULL
GROUP BY 1 ORDER BY last_at DESC
"""


_COUNTED = ("attempts", "accepted")


def _secrets(settings: Settings) -> dict[str, str]:
    """Return the secrets by the names of their bindings; empty if not bound."""
    return {
        "ADMIN_API_KEY": settings.admin_api_key,
        "API_SECRET_KEY": settings.api_secret_key,
        "API_SECRET_KEY_PREVIOUS": settings.api_secret_key_previous,
        "BRIDGE_TOKEN": settings.bridge_token,
        "ENCRYPT_KEY": settings.encrypt_key,
        "ENCRYPT_KEY_PREVIOUS": settings.encrypt_key_previous,
        "GRAFANA_WEBHOOK_PASSWORD": settings.grafana_password,
        "GRAFANA_WEBHOOK_USERNAME": settings.grafana_username,
        "METRICS_TOKEN": settings.metrics_token,
    }


def _fingerprints(settings: Settings) -> dict[str, str]:
    """Return the fingerprint of each bound secret, as in the stack's release manifest.

    It is 16 hex digits of an HMAC-SHA256 of Worker and setting under the secret: it shows whether a
    secret is the one that was deployed, and reveals nothing else.
    """
    found = {}
    for name, secret in _secrets(settings).items():
        if secret:
            text = f"fingerprint:{settings.worker_name}:{name.lower()}".encode()
            found[name] = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:16]
    return found


def _declared(settings: Settings) -> dict[str, str]:
    try:
        found: Any = json.loads(settings.secret_fingerprints or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def show_deployment(call: Call) -> Response:
    """Show version, schema level and secret fingerprints.

    `changedSecrets` names those that differ from the release's.
    """
    platform = call.platform
    actual, declared = _fingerprints(platform.settings), _declared(platform.settings)
    names = sorted(actual.keys() | declared.keys())
    data = {
        "worker": platform.settings.worker_name,
        "versionId": platform.version.id,
        "tag": platform.version.tag,
        "schemaLevel": platform.settings.schema_level,
        "secretFingerprints": actual,
        "changedSecrets": [name for name in names if actual.get(name) != declared.get(name)],
    }
    return success(data=data, headers={"Cache-Control": "no-store"})


async def list_versions(call: Call) -> Response:
    """Return which versions made the latest attempts, and how many of them were accepted.

    Told from the newest notifications of the last `minutes` (60 unless given), at most 2,000.
    """
    minutes = whole_number(call.request.query, "minutes", default=60, maximum=1_440)
    since = call.platform.clock.now_ms() - minutes * 60_000
    statement = Statement(_VERSIONS, (first_row_id(since), MAX_COUNTED))
    [found] = await call.platform.everywhere.batch([statement])
    running = call.platform.version.short
    versions = [{**row, "running": row["version"] == running} for row in _by_version(found.rows)]
    return success(data={"minutes": minutes, "versions": versions})


def _by_version(rows: Iterable[Row]) -> list[Row]:
    """Return one row for each version, the latest attempt first: each database has counted its."""
    found: dict[Value, Row] = {}
    for row in rows:
        known = found.setdefault(row["version"], row)
        if known is not row:
            known |= {name: int(known[name]) + int(row[name]) for name in _COUNTED}
            known["first_at"] = min(str(known["first_at"]), str(row["first_at"]))
            known["last_at"] = max(str(known["last_at"]), str(row["last_at"]))
    return sorted(found.values(), key=lambda row: str(row["last_at"]), reverse=True)


ROUTES = (
    Route("GET", "/api/deployment", show_deployment),
    Route("GET", "/api/deployment/versions", list_versions, query=("minutes",)),
)
