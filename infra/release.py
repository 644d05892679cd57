"""The release manifest: what a later rollback, and a reader of the history, needs to know."""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass

from infra.settings import Secrets, Settings

COMMIT_VARIABLE = "NOTIFICATION_COMMIT"
"""Environment variable with the git commit; it reaches the stack's outputs and nothing else."""


@dataclass(frozen=True)
class Release:
    """One release as it stands in the stack's outputs (and so in Pulumi's history).

    `commit` is empty where nobody gave it, `assets_sha256` where there is no console.
    `secret_fingerprints` tell whether a secret is today's without telling the secret. `settings`
    are the ordinary settings that aren't the defaults, as the stack's file has them.
    """

    commit: str
    bundle_sha256: str
    assets_sha256: str
    version_id: str
    code_level: int
    schema_level: int
    config_digest: str
    secret_fingerprints: dict[str, str]
    settings: dict[str, object]

    def document(self) -> dict[str, object]:
        """Return the release as plain values, ready to be exported."""
        return asdict(self)


OF_THE_STACK = ("pin", "traffic", "trafficBase")
"""Settings that say which release serves; they are no part of one."""


def release_settings(settings: Settings) -> dict[str, object]:
    """Return what a release remembers of its settings: those that aren't the defaults."""
    document = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {
        key: value
        for key, value in document.items()
        if key not in OF_THE_STACK and not key.startswith("adopt")
    }


def config_digest(settings: Settings) -> str:
    """SHA-256 over the ordinary settings, as 64 hexadecimal digits."""
    document = {
        key: value
        for key, value in settings.model_dump(mode="json", by_alias=True).items()
        # What was adopted says where the resources come from, and nothing about the service.
        if not key.startswith("adopt")
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def secret_fingerprint(name: str, secret: str, worker: str) -> str:
    """16 hexadecimal digits that tell whether a secret is today's, and nothing else of it.

    HMAC-SHA256 with the secret as the key over Worker and name (``api_secret_key``): equal secrets
    of two stacks, or two secrets of one stack, have different fingerprints.
    """
    text = f"fingerprint:{worker}:{name}".encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:16]


def secret_fingerprints(secrets: Secrets, worker: str) -> dict[str, str]:
    """Return the `secret_fingerprint` of each secret that is set, by its name."""
    given = {name: getattr(secrets, name) for name in type(secrets).model_fields}
    return {
        name: secret_fingerprint(name, secret.get_secret_value(), worker)
        for name, secret in given.items()
        if secret is not None
    }
