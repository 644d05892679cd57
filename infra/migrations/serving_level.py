"""The level of the code that serves now, as the account tells it.

The last complete update doesn't tell it: where that one migrated and then failed to deploy, its
level is above that of the code that still serves.

Source: Cloudflare API reference, "List Deployments" (the first is the active one), "Get Version".
"""

from typing import Any

import httpx

from infra.account_api import AccountApi, CannotAsk, Forbidden
from infra.migrations.errors import D1Refused, D1Unavailable

BINDING = "SCHEMA_LEVEL"
"""Plain binding of every version: the level of the migrations that its code came with."""


class ServingLevel:
    """Asks which versions of a Worker serve, and what level their code is of.

    The API token is read from the environment and never kept.
    """

    def __init__(
        self, *, account_id: str, base_url: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._api = AccountApi(base_url, account_id, transport=transport)

    def of(self, *, worker: str, worker_id: str) -> int | None:
        """Return the lowest level among the versions that serve.

        Returns:
            None where nothing serves, or where no version that serves says its level: those are of
            another service than this one.

        Raises:
            D1Refused: the API token may not ask.
            D1Unavailable: the API gave no answer, or none from which it follows.
        """
        try:
            with self._api:
                found = [self._level(worker_id, version) for version in self._serving(worker)]
        except Forbidden as error:
            raise D1Refused(
                f"It isn't known which release serves, so no migration was applied. {error}",
                status=403,
            ) from None
        except CannotAsk as error:
            raise D1Unavailable(
                f"It isn't known which release serves, so no migration was applied: {error}. Try "
                "again."
            ) from None
        return min((level for level in found if level is not None), default=None)

    def _serving(self, worker: str) -> list[str]:
        """Return the ids of the versions that serve; none where the Worker isn't there."""
        path = f"workers/scripts/{worker}/deployments"
        listed = self._api.get(path)
        if listed is None:
            return []
        deployments = _list(listed, "deployments", path)
        shares = _list(deployments[0], "versions", path) if deployments else []
        return [_text(share, "version_id", path) for share in shares]

    def _level(self, worker_id: str, version_id: str) -> int | None:
        path = f"workers/workers/{worker_id}/versions/{version_id}"
        version = self._api.get(path)
        bindings = [] if version is None else _list(version, "bindings", path)
        for binding in bindings:
            if isinstance(binding, dict) and binding.get("name") == BINDING:
                text = str(binding.get("text"))
                return int(text) if text.isascii() and text.isdecimal() else None
        return None


def _list(document: Any, name: str, path: str) -> list[Any]:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise CannotAsk(f"GET {path} was answered without a list of {name}")
    return found


def _text(document: Any, name: str, path: str) -> str:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, str):
        raise CannotAsk(f"GET {path} was answered without a {name}")
    return found
