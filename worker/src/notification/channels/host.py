"""The kind of network that the host of a URL belongs to.

A host is judged in the form that the runtime connects to, as the WHATWG URL standard derives it:
decimal, octal, hexadecimal and shortened IPv4 spellings, IPv6 addresses that carry an IPv4 address,
and full-width or otherwise compatible characters that map to ASCII.
"""

import re
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# Characters that are dropped from a host name when it is mapped to ASCII (UTS #46).
_IGNORED = dict.fromkeys(
    [0xAD, 0x34F, 0x2060, 0xFEFF, *range(0x200B, 0x2010), *range(0xFE00, 0xFE10)]
)
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
# Names that never lead to the public Internet: IANA's special-use domain names (RFC 6761), those
# that ICANN keeps out of the root for private use, and those of clusters and local networks.
_PRIVATE_SUFFIXES = (
    "alt",
    "consul",
    "corp",
    "docker",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "mail",
    "onion",
    "private",
    "svc",
    "test",
)
# The hosts from which a machine in a cloud reads its own credentials.
_METADATA_NAMES = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
    }
)
_METADATA = frozenset({"100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"})

_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_PRIVATE_V4 = tuple(
    IPv4Network(block)
    for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)
# IANA's IPv4 Special-Purpose Address Registry (RFC 6890, as of 2025) without the blocks above,
# those that it calls globally reachable included, and multicast (RFC 5771).
_NEVER_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "169.254.0.0/16",  # link-local
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # TEST-NET-1
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112, direct delegation
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # TEST-NET-2
        "203.0.113.0/24",  # TEST-NET-3
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the limited broadcast
    )
)
_LOOPBACK_V6 = IPv6Address("::1")
_PRIVATE_V6 = IPv6Network("fc00::/7")
# IANA's IPv6 Special-Purpose Address Registry (RFC 6890, as of 2025) in the same way, multicast
# and the former site-local addresses.
_NEVER_V6 = tuple(
    IPv6Network(block)
    for block in (
        "::/96",  # unspecified, and the former IPv4-compatible addresses
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # IPv4-IPv6 translation
        "64:ff9b:1::/48",  # the same, local
        "100::/64",  # discard-only
        "100:0:0:1::/64",  # dummy prefix
        "2001::/23",  # protocol assignments: Teredo, benchmarks, AMT, ORCHID and others
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112, direct delegation
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)
# Of those, the prefixes of addresses that stand for the IPv4 address in their last 32 bits.
_CARRIES_V4 = tuple(
    IPv6Network(block) for block in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_SIX_TO_FOUR = IPv6Network("2002::/16")


class HostKind(Enum):
    """Kinds of hosts. NEVER stands for link-local, metadata and reserved addresses."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    NEVER = "never"


class MalformedHost(Exception):
    """The text is no host that the runtime could look up."""


def ascii_host(written: str) -> str:
    """Return the host as the runtime will look it up.

    Raises:
        MalformedHost: there is no such host.
    """
    if "%" in written:
        raise MalformedHost
    host = written.lower()
    if not host.isascii():
        host = _mapped(host)
    if host.startswith("["):
        return host
    bare = host.removesuffix(".")
    if not bare or len(bare) > 253:
        raise MalformedHost
    labels = bare.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(_parse_v4(labels))
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise MalformedHost
    return bare


def kind_of_host(host: str) -> HostKind:
    """Return the kind of a host that `ascii_host` returned.

    Raises:
        MalformedHost: it is a malformed IPv6 address.
    """
    if host.startswith("["):
        try:
            return _kind_of_v6(IPv6Address(host[1:-1]))
        except ValueError:
            raise MalformedHost from None
    if host[-1].isdigit() and _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _kind_of_v4(IPv4Address(host))
    if host == "localhost" or host.endswith(".localhost"):
        return HostKind.LOOPBACK
    if host in _METADATA_NAMES:
        return HostKind.NEVER
    if "." not in host or any(host == s or host.endswith("." + s) for s in _PRIVATE_SUFFIXES):
        return HostKind.PRIVATE
    return HostKind.PUBLIC


def _mapped(host: str) -> str:
    # Few hosts need it, and it is slow to load.
    from unicodedata import normalize

    mapped = normalize("NFKC", host.translate(_IGNORED).translate(_DOTS)).lower()
    plain = mapped.translate(_IGNORED)
    if plain.isascii():
        return plain
    try:
        return plain.encode("idna").decode()
    except UnicodeError:
        raise MalformedHost from None


def _parse_v4(labels: list[str]) -> IPv4Address:
    """Parse IPv4 as the WHATWG URL standard does: up to four numbers, the last fills the rest."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise MalformedHost
    numbers = []
    for label in labels:
        digits, base = label, 10
        if label.startswith("0x"):
            digits, base = label[2:], 16
        elif label.startswith("0"):
            digits, base = label[1:], 8
        try:
            numbers.append(int(digits, base) if digits else 0)
        except ValueError:
            raise MalformedHost from None
    *leading, last = numbers
    if any(n > 255 for n in leading) or last >= 256 ** (4 - len(leading)):
        raise MalformedHost
    return IPv4Address(sum(n << (24 - 8 * i) for i, n in enumerate(leading)) + last)


def _kind_of_v4(address: IPv4Address) -> HostKind:
    if address in _LOOPBACK_V4:
        return HostKind.LOOPBACK
    if str(address) in _METADATA or any(address in block for block in _NEVER_V4):
        return HostKind.NEVER
    if any(address in block for block in _PRIVATE_V4):
        return HostKind.PRIVATE
    return HostKind.PUBLIC


def _kind_of_v6(address: IPv6Address) -> HostKind:
    if address == _LOOPBACK_V6:
        return HostKind.LOOPBACK
    if str(address) in _METADATA:
        return HostKind.NEVER
    if address in _PRIVATE_V6:
        return HostKind.PRIVATE
    carried = _carried_v4(address)
    if carried is not None:
        kind = _kind_of_v4(carried)
        # A public address has no need of this form.
        return HostKind.NEVER if kind is HostKind.PUBLIC else kind
    if any(address in block for block in _NEVER_V6):
        return HostKind.NEVER
    return HostKind.PUBLIC


def _carried_v4(address: IPv6Address) -> IPv4Address | None:
    if any(address in block for block in _CARRIES_V4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return None
