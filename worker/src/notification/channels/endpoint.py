"""Which endpoints a notification may be sent to."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from notification.channels.host import HostKind, MalformedHost, ascii_host, kind_of_host
from notification.errors import ChannelRefusal
from notification.settings import Settings

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#\[\]@:\\]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")

_PORTS = {"http": "80", "https": "443"}
_WORKERS_DEV = ".workers.dev"


class EndpointPolicy(NamedTuple):
    """The rules of a deployment for endpoints.

    Attributes:
        allow_loopback: whether endpoints on this machine are allowed.
        allow_http: whether plain HTTP is allowed.
        allow_private: whether private networks are allowed. Loopback has a rule of its own;
            link-local and metadata addresses are never called.
        own_hosts: hosts of the service, with their ports where they have one; they are never
            called, however they are written.
        worker_name: the Worker's name, by which workers.dev knows it and its previews.
        strict_tokens: whether bot tokens that are made up for tests are refused.
        telegram_api: the base URL of Telegram's Bot API, without a trailing slash.
    """

    allow_loopback: bool
    allow_http: bool
    allow_private: bool = False
    own_hosts: tuple[str, ...] = ()
    worker_name: str = ""
    strict_tokens: bool = False
    telegram_api: str = "https://api.telegram.org"

    @classmethod
    def of(cls, settings: Settings, own_host: str = "") -> "EndpointPolicy":
        """Return the deployment's rules; `own_host` is the service's host if it is known."""
        return cls(
            allow_loopback=settings.allow_loopback_endpoints,
            allow_http=settings.allow_http_webhooks,
            allow_private=settings.allow_private_webhooks,
            own_hosts=tuple(dict.fromkeys(h for h in (own_host, *settings.service_hosts) if h)),
            worker_name=settings.worker_name,
            strict_tokens=settings.production,
            telegram_api=settings.telegram_api,
        )


class Endpoint(NamedTuple):
    """A URL in the form in which it was checked and must be fetched."""

    url: str
    host: str
    path: str
    loopback: bool


class MalformedUrl(Exception):
    """The text is no HTTP or HTTPS URL that could be fetched."""


class BlockedEndpoint(Exception):
    """This deployment must not call the URL. The message names the rule, not the address."""


@lru_cache(maxsize=512)
def check_endpoint(url: str, policy: EndpointPolicy) -> Endpoint:
    """Check a URL and return the endpoint to fetch.

    Raises:
        MalformedUrl: the text is no URL.
        BlockedEndpoint: the policy forbids it.
    """
    match = _URL.fullmatch(url) if len(url) <= 2048 and not _UNSAFE.search(url) else None
    if match is None:
        raise MalformedUrl
    scheme = match["scheme"].lower()
    try:
        host = ascii_host(match["host"])
        kind = kind_of_host(host)
    except MalformedHost:
        raise MalformedUrl from None
    if match["port"] and int(match["port"]) > 65_535:
        raise MalformedUrl
    _refuse(kind, policy)
    loopback = kind is HostKind.LOOPBACK
    if scheme == "http" and not (policy.allow_http or loopback):
        raise BlockedEndpoint("only https endpoints are allowed")
    port = f":{int(match['port'])}" if match["port"] else ""
    if _is_own(host, match["port"] or _PORTS[scheme], loopback, policy):
        raise BlockedEndpoint("the service must not call itself")
    rest = match["rest"] or "/"
    return Endpoint(
        f"{scheme}://{host}{port}{rest if rest.startswith('/') else '/' + rest}",
        host,
        rest.partition("?")[0] or "/",
        loopback,
    )


def _is_own(host: str, port: str, loopback: bool, policy: EndpointPolicy) -> bool:
    """Return whether an endpoint is the service itself.

    A name of the service is its own on every port: Cloudflare answers for it on several. On this
    machine the port alone counts, since the machine has many names.
    """
    subdomains = set()
    for written in policy.own_hosts:
        own_host, own_port, own_loopback = _own(written)
        if loopback and own_loopback and int(port) in (int(own_port or 80), int(own_port or 443)):
            return True
        if host == own_host and not own_loopback:
            return True
        if own_host.endswith(_WORKERS_DEV):
            subdomains.add(own_host.split(".")[-3])
    # `<name>`, or a preview's `<version or alias>-<name>`, at the account's subdomain.
    labels = host.removesuffix(_WORKERS_DEV).split(".")
    if not policy.worker_name or not host.endswith(_WORKERS_DEV) or len(labels) != 2:
        return False
    name, subdomain = labels
    ours = name == policy.worker_name or name.endswith(f"-{policy.worker_name}")
    return ours and (not subdomains or subdomain in subdomains)


@lru_cache
def _own(written: str) -> tuple[str, str, bool]:
    """Return host and port of one of the service's own names, and whether it is this machine."""
    match = _URL.fullmatch(f"https://{written}")
    if match is None:
        return written.lower(), "", False
    try:
        host = ascii_host(match["host"])
        return host, match["port"] or "", kind_of_host(host) is HostKind.LOOPBACK
    except MalformedHost:
        return written.lower(), match["port"] or "", False


def _refuse(kind: HostKind, policy: EndpointPolicy) -> None:
    if kind is HostKind.LOOPBACK and not policy.allow_loopback:
        raise BlockedEndpoint("loopback addresses are not allowed")
    if kind is HostKind.NEVER or (kind is HostKind.PRIVATE and not policy.allow_private):
        raise BlockedEndpoint("private addresses and host names are not allowed")


def check_url_field(config: dict[str, Any], channel: str, policy: EndpointPolicy) -> Endpoint:
    """Check the `webhook_url` of a configuration.

    Raises:
        ChannelRefusal: it is missing, malformed or blocked.
    """
    url = config.get("webhook_url")
    if url is None or url == "":
        raise ChannelRefusal(
            "MISSING_WEBHOOK_URL", f"webhook_url is required for {channel} channel"
        )
    try:
        if not isinstance(url, str):
            raise MalformedUrl
        return check_endpoint(url.strip(), policy)
    except MalformedUrl:
        text = (
            "webhook_url must be a valid HTTP(S) URL"
            if channel == "webhook"
            else f"Invalid {channel} webhook URL"
        )
        raise ChannelRefusal("INVALID_WEBHOOK_URL", text) from None
    except BlockedEndpoint as blocked:
        raise ChannelRefusal("SSRF_BLOCKED", f"webhook_url is blocked: {blocked}") from None


def check_provider_url(
    config: dict[str, Any],
    channel: str,
    policy: EndpointPolicy,
    *,
    hosts: tuple[str, ...],
    path: str,
) -> str:
    """Check the webhook URL of a chat provider: one of its hosts, below `path`, over https.

    A loopback endpoint may have any path: stacks that allow it run stand-ins there.

    Raises:
        ChannelRefusal: the URL is missing, malformed, blocked or not the provider's.
    """
    endpoint = check_url_field(config, channel, policy)
    secure = endpoint.url.startswith("https://")
    below = endpoint.path.startswith(path) and len(endpoint.path) > len(path)
    if endpoint.loopback or (secure and endpoint.host in hosts and below):
        return endpoint.url
    raise ChannelRefusal("INVALID_WEBHOOK_URL", f"Invalid {channel} webhook URL")
