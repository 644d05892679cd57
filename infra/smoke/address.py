"""Where one version of a Worker answers by itself, whatever serves at the service's own URL."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.settings.values import is_loopback

_PREFIX = 8
"""Characters of a version id in a preview host (Cloudflare docs, "Workers preview URLs")."""


@dataclass(frozen=True)
class PreviewAddress:
    """The URL to call, without a trailing slash, and the Host header where it isn't the URL's."""

    url: str
    host: str | None = None

    @classmethod
    def of_version(
        cls, *, version_id: str, worker: str, subdomain: str | None, service_url: str
    ) -> "PreviewAddress":
        """Return the preview address of a version.

        At workers.dev it is a host of its own under the account's `subdomain`. A service on this
        machine has the same host under `.localhost`, which not every resolver knows: there the
        edge is called by its address, with the host as a header. Raise ValueError without a
        subdomain elsewhere.
        """
        label = f"{version_id[:_PREFIX]}-{worker}"
        if is_loopback(service_url):
            port = urlsplit(service_url).port
            host = f"{label}.localhost" + (f":{port}" if port else "")
            return cls(url=_edge(service_url), host=host)
        if not subdomain:
            raise ValueError("the account's workers.dev subdomain is not known")
        return cls(url=f"https://{label}.{subdomain}.workers.dev")


def _edge(service_url: str) -> str:
    """Return this machine's edge by its address: the service's own name may be one of those."""
    parts = urlsplit(service_url)
    if not (parts.hostname or "").endswith(".localhost"):
        return service_url.rstrip("/")
    return f"{parts.scheme}://127.0.0.1" + (f":{parts.port}" if parts.port else "")
