"""Calls to GitHub's REST API on this machine, in the real provider's steps."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.errors import ProviderError
from engine.loopback import require_loopback
from engine.providers.answers import are_objects, malformed
from localcloud.loopback import is_loopback

if TYPE_CHECKING:
    import httpx

_GITHUB = "https://api.github.com"
_TIMEOUT_SECONDS = 30.0
_PER_PAGE = 30  # the largest page of the lists of variables
_MAX_PAGES = 200


class GithubClient:
    """A lazy client of one owner's repositories; paths begin with the repository's name.

    Raises ``NotLoopback`` at once for a base URL off this machine; see ``require_loopback`` for
    ``closed_network``. Redirects are not followed and proxies of the environment not used: both
    could lead off it.
    """

    def __init__(
        self, *, base_url: str, owner: str, token: str, closed_network: bool = False
    ) -> None:
        base_url = require_loopback(
            base_url, source="The GitHub provider's base URL", closed_network=closed_network
        ).rstrip("/")
        # The path under which GitHub Enterprise, and so every host but github.com, has its API.
        self._root = base_url if base_url == _GITHUB else f"{base_url}/api/v3"
        self._owner = owner
        self._token = token
        self._client: httpx.Client | None = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Carry out one operation on a resource and return everything that is told about it.

        A secret's body holds its plain ``value``, which is sealed here. Where the API answers a
        write with nothing the resource is read afterwards. Raises ``ProviderError`` with GitHub's
        own status and message.
        """
        if method == "DELETE":
            return self._send("DELETE", self._below(path))
        sealed = {}
        if method == "PUT" and "/secrets/" in path:
            body = sealed = self._sealed(path, body)
        answer = self._send(method, self._below(path), body)
        if method != "GET" and not answer:
            name = f"/{body['name']}" if method == "POST" else ""
            answer = self._send("GET", self._below(path + name))
        extra: dict[str, Any] = {"key_id": sealed["key_id"]} if sealed else {}
        if method in ("POST", "PUT"):
            extra["repository_id"] = self._repository_id(path)
        return _named({**answer, **extra}, path)

    def call_if_there(self, method: str, path: str) -> Any:
        """As ``call``, but None where there is no such thing."""
        try:
            return self.call(method, path)
        except _NotThereError:
            return None

    def pages(self, path: str, items: str = "") -> Iterator[dict[str, Any]]:
        """All items of the list that ``items`` names, page after page."""
        for page in range(1, _MAX_PAGES + 1):
            query = f"?page={page}&per_page={_PER_PAGE}"
            try:
                found = self._send("GET", self._below(path) + query).get(items)
            except _NotThereError:
                return
            if not are_objects(found):
                raise malformed("GitHub", "GET", self._below(path))
            for item in found:
                yield _named({**item, "repository_id": self._repository_id(path)}, path)
            if len(found) < _PER_PAGE:
                return

    def user(self, login: str) -> dict[str, Any]:
        """A user's profile. Raises ``ProviderError`` where there is no such user."""
        found: dict[str, Any] = self._send("GET", f"/users/{login}")
        return found

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _below(self, path: str) -> str:
        return f"/repos/{self._owner}{path}"

    def _repository_id(self, path: str) -> int:
        repository = path.split("/")[1]
        found = self._send("GET", self._below(f"/{repository}")).get("id")
        if type(found) is not int:
            raise malformed("GitHub", "GET", self._below(f"/{repository}"))
        return found

    def _sealed(self, path: str, body: dict[str, Any]) -> dict[str, str]:
        if not isinstance(body.get("value"), str):
            raise ProviderError("the secret has no value: give one as `value`")
        from nacl.public import PublicKey, SealedBox

        prefix = path.rpartition("/")[0]
        key = self._send("GET", self._below(f"{prefix}/public-key"))
        try:
            box = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(body["value"].encode())
        except (binascii.Error, ValueError, TypeError):
            raise ProviderError("GitHub's public key for secrets is no key") from None
        return {"key_id": key["key_id"], "encrypted_value": base64.b64encode(box).decode()}

    def _send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        import httpx

        if self._client is None:
            self._client = httpx.Client(
                base_url=self._root,
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=_TIMEOUT_SECONDS,
                trust_env=not is_loopback(self._root),
                follow_redirects=False,
                verify=self._root.startswith("https:"),  # spares reading certificates
            )
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError:
            raise ProviderError(
                f"the GitHub API at {self._root} did not answer {method} {path}: see that the "
                "local cloud runs"
            ) from None
        if response.is_success:
            # GET has an answer always; what only changes something may have none.
            return _object(response) if response.content or method == "GET" else {}
        error = _NotThereError if response.status_code == 404 else ProviderError
        raise error(_sentence(method, path, response))


class _NotThereError(ProviderError):
    """The API answered 404."""


def _named(answer: dict[str, Any], path: str) -> dict[str, Any]:
    """The answer with the names of the provider's schema where they differ from the API's."""
    if "/deployment-branch-policies" in path:
        return {**answer, "policy_id": answer["id"]}
    if "/secrets" in path:
        return {**answer, "remote_updated_at": answer.get("updated_at")}
    return answer


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise malformed("GitHub", response.request.method, response.request.url.path)
    return answer


def _sentence(method: str, path: str, response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    told = [str(body.get("message", "no reason given"))]
    errors = body.get("errors")
    for item in errors if isinstance(errors, list) else ():
        told.append(", ".join(map(str, item.values())) if isinstance(item, dict) else str(item))
    why = "; ".join(told)
    return f"GitHub answered {method} {path.split('?')[0]} with {response.status_code}: {why}"
