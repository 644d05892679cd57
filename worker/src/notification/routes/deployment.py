"""`GET /api/deployment`: which release answers, and whether its secrets are the release's."""

import hashlib
import hmac
import json
from typing import Any

from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.settings import Settings


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
    prints = {}
    for name, secret in _secrets(settings).items():
        if secret:
            text = f"fingerprint:{settings.worker_name}:{name.lower()}".encode()
            prints[name] = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:16]
    return prints


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


ROUTES = (Route("GET", "/api/deployment", show_deployment),)
