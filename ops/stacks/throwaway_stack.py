"""Any stack's settings, rendered so that it can be planned against a throw-away local account."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine import encrypt_config_value, new_encryption_salt
from infra.settings import Secrets, StackFile
from infra.settings.account import BASE_URL_KEYS
from infra.settings.derivation import for_an_empty_account, is_encrypted
from localcloud.endpoints import Endpoints
from ops.stacks.local_stack import NAMESPACE, SECRET_KEYS, LocalStack, is_credential, new_secret

_PREFIX = f"{NAMESPACE}:"
_SECRET_NAMES = frozenset(field.alias or name for name, field in Secrets.model_fields.items())
_ADDRESSES = ("workersDevSubdomain", "serviceUrl", "customDomain")
_SUBDOMAIN = "local"
"""The throw-away account's workers.dev subdomain: a plan asks whether it is the account's."""
_ZONE_ID = "0" * 32
"""In the form of a zone's id: an empty account has no zone that could be looked up."""


@dataclass(frozen=True)
class Stand:
    """What stands for something of the real account in an offline plan.

    Attributes:
        key: the setting.
        text: what was put there, in words.
    """

    key: str
    text: str


@dataclass(frozen=True)
class ThrowawayStack:
    """A stack that exists for one plan.

    Attributes:
        local: what an engine needs to run it.
        stands: the settings that differ from the stack's own, and why the plan may differ.
    """

    local: LocalStack
    stands: tuple[Stand, ...]

    @classmethod
    def render(
        cls,
        stack: str,
        template: StackFile,
        *,
        folder: Path,
        account: Endpoints,
        base: Mapping[str, str],
    ) -> ThrowawayStack:
        """Write the settings into ``folder``, with new secrets under a new passphrase.

        Args:
            stack: its name, which decides the names of its resources.
            template: the tracked settings, where secrets may be encrypted or missing.
            folder: a folder that goes away after the plan.
            account: the throw-away account.
            base: environment variables for the program; credentials among them are left out.
        """
        passphrase = secrets.token_urlsafe(32)
        salt = new_encryption_salt(passphrase)
        config, stands = _offline(template.config, account)
        for key in _secret_keys(template.config):
            secret = new_secret(key.partition(":")[2])
            config[key] = {"secure": encrypt_config_value(secret, passphrase=passphrase, salt=salt)}
            stands.append(Stand(key, "a generated secret of the required form"))
        config_file = folder / f"Pulumi.{stack}.yaml"
        document = {"encryptionsalt": salt, "config": config}
        config_file.write_text(yaml.safe_dump(document, sort_keys=True), encoding="utf-8")
        environment = {name: value for name, value in base.items() if not is_credential(name)}
        environment["CLOUDFLARE_API_TOKEN"] = account.api_token
        environment["GITHUB_TOKEN"] = account.api_token
        return cls(
            local=LocalStack(
                stack=stack,
                backend_dir=folder / "pulumi",
                config_file=config_file,
                passphrase=passphrase,
                environment=environment,
            ),
            stands=tuple(stands),
        )


def _offline(config: Mapping[str, Any], account: Endpoints) -> tuple[dict[str, Any], list[Stand]]:
    """Return the ordinary settings as they hold in the throw-away account, and what was changed."""
    kept = for_an_empty_account(config)
    stands = [
        Stand(key, "left out: an empty account has nothing to adopt")
        for key in config
        if key.removeprefix(_PREFIX).startswith("adopt")
    ]

    def put(name: str, value: str, text: str) -> None:
        if kept.get(name) != value:
            stands.append(Stand(name, text))
        kept[name] = value

    root = account.control_url.removesuffix("client/v4")
    put(BASE_URL_KEYS[0], account.control_url, "the throw-away account's API")
    put(BASE_URL_KEYS[1], root, "the throw-away account's API")
    put(f"{_PREFIX}accountId", account.account_id, "the throw-away account's id")
    if f"{_PREFIX}zoneName" in kept:
        put(f"{_PREFIX}zoneId", _ZONE_ID, "a zone that is supposed to be there")
    named = [name for name in _ADDRESSES if f"{_PREFIX}{name}" in kept]
    if not named or _ADDRESSES[0] in named:
        put(f"{_PREFIX}workersDevSubdomain", _SUBDOMAIN, "the throw-away account's subdomain")
    return kept, stands


def _secret_keys(config: Mapping[str, Any]) -> list[str]:
    """Return the keys to be filled with generated secrets, the required two among them."""
    found = {f"{_PREFIX}{name}" for name in SECRET_KEYS}
    for key, value in config.items():
        own = key if ":" in key else f"{_PREFIX}{key}"
        if own.startswith(_PREFIX) and (
            is_encrypted(value) or own[len(_PREFIX) :] in _SECRET_NAMES
        ):
            found.add(own)
    return sorted(found)
