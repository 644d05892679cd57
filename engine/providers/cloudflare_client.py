"""Calls to Cloudflare's v4 API on this machine, through Cloudflare's own client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.errors import ProviderError
from engine.loopback import require_loopback
from engine.providers.answers import are_objects, malformed
from localcloud.loopback import is_loopback

if TYPE_CHECKING:
    from cloudflare import Cloudflare

#: The upload of a version answers once the Worker has booted.
_TIMEOUT_SECONDS = 120.0
_PER_PAGE = 50
_MAX_PAGES = 200


class CloudflareClient:
    """A lazy client of one control plane.

    Raises ``NotLoopback`` at once for a base URL off this machine; see ``require_loopback`` for
    ``closed_network``. Redirects are not followed and proxies of the environment not used: both
    could lead off it.
    """

    def __init__(self, *, base_url: str, api_token: str, closed_network: bool = False) -> None:
        self._base_url = require_loopback(
            base_url, source="The Cloudflare provider's base URL", closed_network=closed_network
        )
        self._api_token = api_token
        self._lock = threading.Lock()
        self._client: Cloudflare | None = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the envelope's ``result``.

        Raises ``ProviderError`` with Cloudflare's own code and message.
        """
        envelope = self._send(method, path, body)
        result = envelope.get("result")
        # A deletion tells nothing; whatever else tells nothing doesn't tell that nothing is there.
        if method != "DELETE" and not isinstance(result, dict | list):
            raise malformed("Cloudflare", method, path)
        return result

    def upload(self, path: str, files: dict[str, tuple[str, bytes, str]], token: str) -> Any:
        """Send files, in base64, with the token of their upload session; the answer's result.

        ``files`` maps a part's name to file name, content and content type. Raises
        ``ProviderError``.
        """
        import cloudflare

        client = self._connected()
        try:
            envelope: object = client.post(
                f"{path}?base64=true",
                cast_to=object,
                files=list(files.items()),
                options={
                    "max_retries": 0,
                    "headers": {
                        "Authorization": f"Bearer {token}",
                        "Content-Type": "multipart/form-data",
                    },
                },
            )
        except cloudflare.APIStatusError as error:
            raise ProviderError(_sentence("POST", path, error)) from None
        except cloudflare.APIConnectionError:
            raise self._silent("POST", path) from None
        except ValueError:
            raise malformed("Cloudflare", "POST", path) from None
        return _object(envelope, "POST", path).get("result")

    def call_if_there(self, method: str, path: str) -> Any:
        """As ``call``, but None where the answer is that there is no such thing."""
        try:
            return self.call(method, path)
        except _NotThereError:
            return None

    def pages(self, path: str, items: str = "") -> Iterator[dict[str, Any]]:
        """All items of a list, page after page; nothing where the list itself is not there.
        ``items`` names the list where the result is an object.
        """
        for page in range(1, _MAX_PAGES + 1):
            try:
                envelope = self._send("GET", f"{path}?page={page}&per_page={_PER_PAGE}", None)
            except _NotThereError:
                return
            result = envelope.get("result", "")
            if result is None and envelope.get("success") is True:
                return  # An empty list of some of Cloudflare's services.
            found = result.get(items) if isinstance(result, dict) else result
            info = envelope.get("result_info") or {}
            total = info.get("total_pages", page) if isinstance(info, dict) else None
            if not (are_objects(found) and isinstance(total, int)):
                raise malformed("Cloudflare", "GET", path)
            yield from found
            if len(found) < _PER_PAGE or page >= total:
                return

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        import cloudflare

        client = self._connected()
        try:
            if method == "GET":
                return _object(client.get(path, cast_to=object), method, path)
            send = getattr(client, method.lower())
            answer = send(path, cast_to=object, body=body, options={"max_retries": 0})
            return _object(answer, method, path)
        except cloudflare.NotFoundError as error:
            raise _NotThereError(_sentence(method, path, error)) from None
        except cloudflare.APIStatusError as error:
            raise ProviderError(_sentence(method, path, error)) from None
        except cloudflare.APIConnectionError:
            raise self._silent(method, path) from None
        except ValueError:
            raise malformed("Cloudflare", method, path) from None

    def _silent(self, method: str, path: str) -> ProviderError:
        return ProviderError(
            f"the Cloudflare API at {self._base_url} did not answer {method} {path}: see that the "
            "local cloud runs"
        )

    def _connected(self) -> Cloudflare:
        """Made late: the client's module takes a quarter of a second to import."""
        with self._lock:
            if self._client is None:
                import httpx
                from cloudflare import Cloudflare

                http = httpx.Client(
                    base_url=self._base_url,
                    timeout=_TIMEOUT_SECONDS,
                    trust_env=not is_loopback(self._base_url),
                    follow_redirects=False,
                )
                # Empty texts keep the client from looking for credentials in the environment.
                client = Cloudflare(
                    api_token=self._api_token,
                    api_key="",
                    api_email="",
                    user_service_key="",
                    base_url=self._base_url,
                    http_client=http,
                )
                client.api_key = client.api_email = client.user_service_key = None
                self._client = client
            return self._client


class _NotThereError(ProviderError):
    """The API answered 404."""


def _object(answer: object, method: str, path: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise malformed("Cloudflare", method, path)
    return answer


def _sentence(method: str, path: str, error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    told = [
        f"{item.get('message')} (code {item.get('code')})"
        for item in body.get("errors") or []
        if isinstance(item, dict)
    ]
    why = "; ".join(told) or "no reason given"
    return f"Cloudflare answered {method} {path.split('?')[0]} with {error.status_code}: {why}"
