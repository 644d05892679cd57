"""Which endpoints a notification may be sent to.

A host is judged in the form that the runtime connects to, as the WHATWG URL standard derives it:
decimal, octal, hexadecimal and shortened IPv4 spellings, IPv6 that carries an IPv4 address, and
full-width or otherwise compatible characters that map to ASCII.
"""

import re
import unicodedata
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, NamedTuple

from notification.channels.refusal import ChannelRefusal

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#\[\]@:\\]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
# Characters that host names drop when they are mapped to ASCII (UTS #46).
_IGNORED = dict.fromkeys(
    [0xAD, 0x34F, 0x2060, 0xFEFF, *range(0x200B, 0x2010), *range(0xFE00, 0xFE10)]
)
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_PRIVATE_SUFFIXES = ("local", "internal", "localdomain", "home.arpa", "lan", "intranet")

_PRIVATE_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PRIVATE_V6 = tuple(
    IPv6Network(block)
    for block in ("::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")
)
# Prefixes whose addresses lead to the IPv4 address in their last 32 bits.
_CARRIES_V4 = tuple(
    IPv6Network(block) for block in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_LOCAL_NAT = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")


class EndpointPolicy(NamedTuple):
    """What the deployment allows.

    `own_host` is the service's host and port, if known; `strict_tokens` refuses bot tokens that
    are made up for tests; `telegram_api` is where bots are called, without a slash at its end.
    """

    allow_loopback: bool
    allow_http: bool
    own_host: str = ""
    strict_tokens: bool = False
    telegram_api: str = "https://api.telegram.org"


class Endpoint(NamedTuple):
    """A URL in the form in which it was judged, and is to be fetched."""

    url: str
    host: str
    path: str
    loopback: bool


class MalformedUrl(Exception):
    """No HTTP(S) URL that could be fetched."""


class BlockedEndpoint(Exception):
    """A URL that this deployment must not call. The message names the rule, not the address."""


@lru_cache(maxsize=512)
def check_endpoint(url: str, policy: EndpointPolicy) -> Endpoint:
    """The endpoint to fetch; raises `MalformedUrl` or `BlockedEndpoint`."""
    match = _URL.fullmatch(url) if len(url) <= 2048 and not _UNSAFE.search(url) else None
    if match is None:
        raise MalformedUrl
    scheme, host = match["scheme"].lower(), _ascii_host(match["host"])
    if match["port"] and int(match["port"]) > 65_535:
        raise MalformedUrl
    loopback = _judge_host(host)
    if loopback and not policy.allow_loopback:
        raise BlockedEndpoint("loopback addresses are not allowed")
    if scheme == "http" and not (policy.allow_http or loopback):
        raise BlockedEndpoint("only https endpoints are allowed")
    port = f":{int(match['port'])}" if match["port"] else ""
    if policy.own_host and f"{host}{port}" == policy.own_host.lower():
        raise BlockedEndpoint("the service must not call itself")
    rest = match["rest"] or "/"
    return Endpoint(
        f"{scheme}://{host}{port}{rest if rest.startswith('/') else '/' + rest}",
        host,
        rest.partition("?")[0] or "/",
        loopback,
    )


def check_url_field(config: dict[str, Any], channel: str, policy: EndpointPolicy) -> Endpoint:
    """The endpoint in a configuration's `webhook_url`; raises `ChannelRefusal`."""
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
    """The URL of a chat provider's hook: one of its hosts, below `path`, over https.

    A loopback endpoint may have any path: stacks that allow it have stand-ins there.
    Raises `ChannelRefusal`.
    """
    endpoint = check_url_field(config, channel, policy)
    secure = endpoint.url.startswith("https://")
    below = endpoint.path.startswith(path) and len(endpoint.path) > len(path)
    if endpoint.loopback or (secure and endpoint.host in hosts and below):
        return endpoint.url
    raise ChannelRefusal("INVALID_WEBHOOK_URL", f"Invalid {channel} webhook URL")


def _ascii_host(written: str) -> str:
    """The host as the runtime will look it up; raises `MalformedUrl`."""
    if "%" in written:
        raise MalformedUrl
    host = written.lower()
    if not host.isascii():
        mapped = unicodedata.normalize("NFKC", host.translate(_IGNORED).translate(_DOTS)).lower()
        host = mapped.translate(_IGNORED)
        if not host.isascii():
            try:
                host = host.encode("idna").decode()
            except UnicodeError:
                raise MalformedUrl from None
    if host.startswith("["):
        return host
    bare = host.removesuffix(".")
    if not bare or len(bare) > 253:
        raise MalformedUrl
    labels = bare.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(_parse_v4(labels))
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise MalformedUrl
    return bare


def _parse_v4(labels: list[str]) -> IPv4Address:
    """The WHATWG URL standard's IPv4 parser: one to four numbers, the last one fills up."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise MalformedUrl
    numbers = []
    for label in labels:
        digits, base = label, 10
        if label.startswith("0x"):
            digits, base = label[2:], 16
        elif len(label) > 1 and label.startswith("0"):
            digits, base = label[1:], 8
        try:
            numbers.append(int(digits, base) if digits else 0)
        except ValueError:
            raise MalformedUrl from None
    *leading, last = numbers
    if any(n > 255 for n in leading) or last >= 256 ** (4 - len(leading)):
        raise MalformedUrl
    return IPv4Address(sum(n << (24 - 8 * i) for i, n in enumerate(leading)) + last)


def _judge_host(host: str) -> bool:
    """Whether the host is this machine; raises `BlockedEndpoint` for other private ones."""
    if host.startswith("["):
        try:
            return _judge_v6(IPv6Address(host[1:-1]))
        except ValueError:
            raise MalformedUrl from None
    if host[-1].isdigit() and _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _judge_v4(IPv4Address(host))
    if host == "localhost" or host.endswith(".localhost"):
        return True
    if "." not in host or any(host == s or host.endswith("." + s) for s in _PRIVATE_SUFFIXES):
        raise BlockedEndpoint("private host names are not allowed")
    return False


def _judge_v4(address: IPv4Address) -> bool:
    if address in _PRIVATE_V4[3]:
        return True
    if any(address in block for block in _PRIVATE_V4):
        raise BlockedEndpoint("private addresses are not allowed")
    return False


def _judge_v6(address: IPv6Address) -> bool:
    if address == IPv6Address("::1"):
        return True
    if address in _LOCAL_NAT or any(address in block for block in _PRIVATE_V6):
        raise BlockedEndpoint("private addresses are not allowed")
    value = int(address)
    if any(address in block for block in _CARRIES_V4):
        return _judge_v4(IPv4Address(value & 0xFFFFFFFF))
    if address in _SIX_TO_FOUR:
        return _judge_v4(IPv4Address((value >> 80) & 0xFFFFFFFF))
    if address in _TEREDO:
        _judge_v4(IPv4Address((value >> 64) & 0xFFFFFFFF))
        return _judge_v4(IPv4Address(~value & 0xFFFFFFFF))
    return False
