"""The level of the code that serves now, as the account tells it.

The last complete update doesn't tell it: where that one migrated and then failed to deploy, its
level is above that of the code that still serves.

Source: Cloudflare API reference, "List Deployments" (the first is the active one), "Get Version".
"""

import os
from typing import Any

import httpx

from infra.migrations.d1 import TOKEN_VARIABLE
from infra.migrations.errors import D1Refused, D1Unavailable
from infra.settings.values import is_loopback

BINDING = "SCHEMA_LEVEL"
"""Plain binding of every version: the level of the migrations that its code came with."""


class ServingLevel:
    """Asks which versions of a Worker serve, and what level their code is of.

    The API token is read from the environment and never kept. Timeouts are in seconds.
    """

    def __init__(
        self, *, account_id: str, base_url: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._account = f"{base_url}/accounts/{account_id}/workers"
        # A proxy from the environment can't reach this machine's loopback address.
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(60.0, connect=10.0),
            trust_env=not is_loopback(base_url),
        )

    def of(self, *, worker: str, worker_id: str) -> int | None:
        """Return the lowest level among the versions that serve.

        None where nothing serves, or where no version that serves says its level: those are of
        another service than this one. Raise D1Refused or D1Unavailable where it can't be known.
        """
        with self._client:
            listed = self._get(f"/scripts/{worker}/deployments")
            deployments = (listed or {}).get("deployments") or []
            serving = deployments[0]["versions"] if deployments else []
            levels = [
                level
                for share in serving
                if (level := self._level(worker_id, str(share["version_id"]))) is not None
            ]
        return min(levels, default=None)

    def _level(self, worker_id: str, version_id: str) -> int | None:
        version = self._get(f"/workers/{worker_id}/versions/{version_id}") or {}
        texts = [b.get("text") for b in version.get("bindings") or [] if b.get("name") == BINDING]
        return int(texts[0]) if texts and str(texts[0]).isdecimal() else None

    def _get(self, path: str) -> Any:
        """One answer's result; None where there is no such thing."""
        headers = {"Authorization": f"Bearer {os.environ.get(TOKEN_VARIABLE, '')}"}
        try:
            response = self._client.get(f"{self._account}{path}", headers=headers)
        except httpx.HTTPError as error:
            raise D1Unavailable(
                f"Cloudflare's API gave no answer ({type(error).__name__}) when it was asked which "
                "release serves. Try again."
            ) from None
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise D1Refused(
                "Cloudflare didn't tell which release serves, so that no migration was applied "
                f"(HTTP {response.status_code}). Check that {TOKEN_VARIABLE} may read Workers.",
                status=response.status_code,
            )
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or answer.get("success") is not True:
            raise D1Unavailable(
                "Cloudflare answered with no usable document when it was asked which release "
                "serves. Try again."
            )
        return answer.get("result")
