"""Which endpoints may be called, in every spelling."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.channels.endpoint import (
    BlockedEndpoint,
    EndpointPolicy,
    MalformedUrl,
    check_endpoint,
)

STRICT = EndpointPolicy(allow_loopback=False, allow_http=True)
LOCAL = EndpointPolicy(allow_loopback=True, allow_http=True)
OPEN = EndpointPolicy(allow_loopback=False, allow_http=True, allow_private=True)
LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.255.255.254"]
PRIVATE = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, nothing binds it
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.255",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
OWN_NETWORK = ["10.0.0.1", "100.64.0.1", "172.16.0.1", "192.168.0.1"]
PRIVATE_PREFIXES = ("10.", "100.", "172.", "192.168.")
METADATA = ["169.254.169.254", "169.254.170.2", "192.0.0.192", "100.100.100.200", "168.63.129.16"]
METADATA_NAMES = ["metadata", "metadata.google.internal", "instance-data", "metadata.goog."]
METADATA_V6 = ["fd00:ec2::254", "fd20:ce::254", "FD00:0EC2:0:0:0:0:0:254"]
REGISTERED_V6 = [
    "100::1",
    "100::ffff:ffff:ffff:ffff",
    "100:0:0:1::1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff:ffff::1",
    "2001:db8::",
    "2001:db8:ffff::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
]
PRIVATE_V6 = ["::", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1"]
FULL_WIDTH = str.maketrans("0123456789.abcdefx", "０１２３４５６７８９．ａｂｃｄｅｆｘ")  # noqa: RUF001 - the very point
CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")


def spellings_of_v4(text: str) -> list[str]:
    """Every way in which a URL may spell an IPv4 address."""
    address = IPv4Address(text)
    a, b, c, d = address.packed
    value = int(address)
    parts = [[str(n), f"0{n:o}", f"0x{n:x}", f"0X{n:02X}", f"000{n:o}"] for n in (a, b, c, d)]
    mixed = [".".join(choice) for choice in itertools.product(*(p[:3] for p in parts))]
    short = [
        f"{a}.{value & 0xFFFFFF}",
        f"{a}.{b}.{value & 0xFFFF}",
        f"0x{a:x}.0x{value & 0xFFFFFF:x}",
        f"0{a:o}.0{value & 0xFFFFFF:o}",
    ]
    whole = [str(value), f"0x{value:x}", f"0X{value:08X}", f"0{value:o}", f"00{value:o}"]
    plain = [*mixed, *short, *whole, text + ".", ".".join(p[4] for p in parts)]
    # A prefix without digits is a zero (url.spec.whatwg.org, "IPv4 number parser").
    plain.append(".".join("0x" if n == 0 else str(n) for n in (a, b, c, d)))
    disguised = [text.translate(FULL_WIDTH), text.replace(".", "。"), text.replace(".", "｡")]
    disguised += [text.translate(CIRCLED), text.replace(".", "\u00ad."), text + "\u200b"]
    return plain + disguised


def carriers_of_v4(text: str) -> list[str]:
    """IPv6 addresses that stand for an IPv4 address."""
    value = int(IPv4Address(text))
    carried = [f"[::ffff:{text}]", f"[::FFFF:{value >> 16:x}:{value & 0xFFFF:x}]", f"[::{text}]"]
    carried += [f"[64:ff9b::{text}]", f"[2002:{value >> 16:x}:{value & 0xFFFF:x}::1]"]
    carried += [f"[::ffff:0:{text}]", f"[{IPv6Address('::ffff:' + text).exploded}]"]
    return carried


NAMES = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "ｌocalhost",  # noqa: RUF001 - the very point
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "local\u00adhost",
    "local\u200bhost",
    "printer.local",
    "metadata.google.internal",
    "db.internal",
    "host.localdomain",
    "router.lan",
    "box.home.arpa",
    "kubernetes.default.svc",
    "db.prod.svc.cluster.local",
    "vault.corp",
    "nas.home",
    "mail.mail",
    "db.private",
    "hidden.onion",
    "name.alt",
    "nothing.invalid",
    "host.test",
    "DB.Internal.",
    "intranet",
    "metadata",
]
REFUSED = [
    *[s for address in LOOPBACK + PRIVATE + METADATA for s in spellings_of_v4(address)],
    *[s for address in [*LOOPBACK, *PRIVATE, "8.8.8.8"] for s in carriers_of_v4(address)],
    *[f"[{address}]" for address in ["::1", "0:0:0:0:0:0:0:1", *PRIVATE_V6, *METADATA_V6]],
    *[f"[{address}]" for address in REGISTERED_V6],
    *NAMES,
    *METADATA_NAMES,
]


def test_there_are_more_than_five_hundred_different_spellings() -> None:
    assert len(set(REFUSED)) >= 500


@pytest.mark.requirement("B-37")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_a_private_host_is_called(scheme: str) -> None:
    passed = []
    for host in REFUSED:
        for url in (f"{scheme}://{host}/hook", f"{scheme}://{host}:8080?x=1"):
            try:
                passed.append(check_endpoint(url, STRICT))
            except (BlockedEndpoint, MalformedUrl):
                continue
    assert passed == []


def test_allowing_loopback_allows_nothing_else_private() -> None:
    passed = []
    v4 = [s for a in PRIVATE for s in [*spellings_of_v4(a), *carriers_of_v4(a)]]
    for host in v4 + [f"[{a}]" for a in PRIVATE_V6]:
        try:
            passed.append(check_endpoint(f"http://{host}/", LOCAL))
        except (BlockedEndpoint, MalformedUrl):
            continue
    assert passed == []


@pytest.mark.requirement("C-11")
def test_a_stack_may_open_private_networks() -> None:
    spelled = [s for a in OWN_NETWORK for s in [*spellings_of_v4(a), *carriers_of_v4(a)]]
    for host in [*spelled, "[fc00::1]", "[fd12:3456::1]", "printer.local", "db.internal", "box"]:
        assert check_endpoint(f"http://{host}:8080/hook", OPEN).loopback is False


@pytest.mark.requirement("C-0.27")
def test_open_private_networks_open_neither_loopback_nor_link_local_nor_metadata() -> None:
    never = [address for address in PRIVATE if not address.startswith(PRIVATE_PREFIXES)]
    v4 = [*LOOPBACK, *METADATA, *never]
    hosts = [s for a in v4 for s in [*spellings_of_v4(a), *carriers_of_v4(a)]]
    hosts += [f"[{a}]" for a in [*METADATA_V6, "::1", "::", "fe80::1", "fec0::1", "ff02::1"]]
    passed = []
    for host in [*hosts, *METADATA_NAMES, "localhost", "api.localhost"]:
        try:
            passed.append(check_endpoint(f"http://{host}/", OPEN))
        except (BlockedEndpoint, MalformedUrl):
            continue
    assert passed == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "app.localhost", "2130706433", "0x7f.1"]
)
def test_loopback_is_called_where_it_is_allowed(host: str) -> None:
    url = check_endpoint(f"http://{host}:8789/hook?a=1", LOCAL).url
    assert url.endswith(":8789/hook?a=1")


def test_a_numeric_spelling_is_fetched_in_the_form_that_was_judged() -> None:
    assert check_endpoint("http://0x7f.1/", LOCAL).url == "http://127.0.0.1/"
    assert check_endpoint("https://0x08080808/", STRICT).url == "https://8.8.8.8/"


@pytest.mark.parametrize(
    ("url", "fetched"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:8443/Path?q=%20#frag", "https://example.com:8443/Path?q=%20"),
        ("https://example.com?x=1", "https://example.com/?x=1"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://ＥＸＡＭＰＬＥ.com/", "https://example.com/"),  # noqa: RUF001 - the very point
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://[2a00:1450::1]/", "https://[2a00:1450::1]/"),
        ("https://[2001:200::1]/", "https://[2001:200::1]/"),
        ("https://[2001:4860:4860::8888]/", "https://[2001:4860:4860::8888]/"),
        ("https://hooks_1.my-host.co.uk./x", "https://hooks_1.my-host.co.uk/x"),
        ("https://1.2.3.4.example.com/", "https://1.2.3.4.example.com/"),
    ],
)
def test_public_endpoints_pass(url: str, fetched: str) -> None:
    assert check_endpoint(url, STRICT).url == fetched


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://%31%32%37.0.0.1/",
        "https://[::1%25lo]/",
        "https://[::1",
        "https://256.1.1.1/",
        "https://1.2.3.4.5/",
        "https://1.2.3.4.0/",
        "https://1.2.3.4.5.6/",
        "https://1.a.3.4/",
        "https://1_0.2.3.4/",
        "https://256.0/",
        "https://1.16777216/",
        "https://1.2.65536/",
        "https://4294967296/",
        "https://08.8.8.8/",
        "https://example..com/",
        "https://" + "a" * 64 + ".com/",
        "https://example.com/" + "a" * 2100,
    ],
)
def test_malformed_urls_are_refused_as_such(url: str) -> None:
    with pytest.raises(MalformedUrl):
        check_endpoint(url, STRICT)


def test_http_is_for_loopback_or_where_it_is_allowed() -> None:
    secure = EndpointPolicy(allow_loopback=True, allow_http=False)
    assert check_endpoint("http://127.0.0.1:1/", secure).host == "127.0.0.1"
    with pytest.raises(BlockedEndpoint):
        check_endpoint("http://example.com/", secure)


def own(*hosts: str, worker: str = "") -> EndpointPolicy:
    return EndpointPolicy(allow_loopback=True, allow_http=True, own_hosts=hosts, worker_name=worker)


def is_called(url: str, policy: EndpointPolicy) -> bool:
    try:
        check_endpoint(url, policy)
    except BlockedEndpoint as blocked:
        return str(blocked) != "the service must not call itself"
    return True


@pytest.mark.requirement("C-4")
@pytest.mark.parametrize(
    "url",
    [
        "https://notify.example.com/web_hook/bridge/b/webhook",
        "https://NOTIFY.example.com./",
        "https://notify.example.com:443/",
        "http://notify.example.com:80/",
        "http://notify.example.com:0443/",
        "https://notify.example.com:8443/",
        "https://ｎotify.example.com/",  # noqa: RUF001 - the very point
        "https://service.workers.example/x",
    ],
)
@pytest.mark.parametrize("port", ["", ":443", ":80"])
def test_the_service_does_not_call_itself_by_any_of_its_names(url: str, port: str) -> None:
    policy = own(f"Notify.example.com{port}", "service.workers.example")
    assert not is_called(url, policy)
    assert is_called("https://notify.example.com.other.example/", policy)
    assert is_called("https://other.example.com/", policy)


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("https://notify.team.workers.dev/", False),
        ("https://NOTIFY.team.workers.dev:443/", False),
        ("https://0a1b2c3d-notify.team.workers.dev/", False),
        ("https://staging-notify.team.workers.dev/", False),
        ("https://other.team.workers.dev/", True),
        ("https://notifying.team.workers.dev/", True),
        ("https://renotify.team.workers.dev/", True),
        ("https://notify.other.workers.dev/", True),
        ("https://workers.dev/", True),
        ("https://team.workers.dev/", True),
    ],
)
def test_the_workers_dev_names_of_the_service_and_its_previews_are_its_own(
    url: str, called: bool
) -> None:
    assert is_called(url, own("notify.team.workers.dev", worker="notify")) is called


def test_without_a_known_subdomain_the_workers_name_alone_decides() -> None:
    policy = own("notify.example.com", worker="notify")
    assert not is_called("https://notify.team.workers.dev/", policy)
    assert not is_called("https://0a1b2c3d-notify.team.workers.dev/", policy)
    assert is_called("https://other.team.workers.dev/", policy)
    assert is_called("https://notify.team.workers.dev/", own("notify.example.com"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "a.localhost"])
def test_on_this_machine_the_port_tells_the_service_from_others(host: str) -> None:
    policy = own("127.0.0.1:8788")
    assert not is_called(f"http://{host}:8788/api/send-notification", policy)
    assert not is_called(f"http://{host}:08788/", policy)
    assert is_called(f"http://{host}:8789/", policy)
    assert not is_called(f"http://{host}/", own("localhost"))


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_all_its_spellings(address: IPv4Address) -> None:
    def judged(host: str) -> str:
        try:
            check_endpoint(f"https://{host}/", STRICT)
        except BlockedEndpoint:
            return "blocked"
        return "called"

    verdicts = {judged(host) for host in spellings_of_v4(str(address))}
    assert len(verdicts) == 1


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_judged_or_called_malformed(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/x", f"https://[{text}]/"):
        try:
            check_endpoint(url, STRICT)
        except (BlockedEndpoint, MalformedUrl):
            continue
