"""Does the service's name lead to it, and is the connection sound?"""

from __future__ import annotations

import socket
import ssl
import time
from urllib.parse import urlsplit

from ops.observe.diagnosis.branch import Branch, Finding
from ops.stacks.errors import ServiceError
from ops.stacks.moment import Stopwatch
from ops.stacks.proxy import proxy_for
from ops.stacks.service import ServiceClient

_SECONDS = 10.0
_CERTIFICATE_DAYS = 14


def reachability(url: str, service: ServiceClient) -> Branch:
    """Resolve, connect, shake hands, and ask for the health."""
    branch = Branch("reachable", "Does the service answer?")
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    if proxy := proxy_for(url):
        # Only the proxy resolves names and connects.
        branch.found.append(f"proxy: {proxy} makes the connection")
        _ask(service, branch)
        return branch
    # Names below localhost are this machine's (RFC 6761), whether or not a resolver knows.
    name = "127.0.0.1" if host.endswith(".localhost") else host
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError as error:
        _ill(
            branch,
            f"DNS: {host} can't be resolved: {error}",
            # A custom domain is a record of its zone: drift tells whether it is there.
            *(f"dig {host} @1.1.1.1", f"dig {host}", "notifyctl drift"),
        )
        return branch
    addresses = sorted({str(entry[4][0]) for entry in found})
    branch.found.append(f"DNS: {host} is {', '.join(addresses)}")
    try:
        with socket.create_connection((name, port), timeout=_SECONDS) as connection:
            branch.found.append(f"TCP: port {port} is open")
            if secure:
                _check_certificate(connection, host, branch)
    except ssl.SSLError as error:
        _ill(
            branch,
            f"TLS: {host}: {error.reason or error}",
            "A new custom domain gets its certificate within minutes; see SSL/TLS, Edge "
            "Certificates of the zone.",
        )
        return branch
    except OSError as error:
        _ill(
            branch,
            f"TCP: {host}:{port}: {error}",
            "On this machine: notifyctl local start. Elsewhere see https://www.cloudflarestatus.com.",
        )
        return branch
    _ask(service, branch)
    return branch


def _check_certificate(connection: socket.socket, host: str, branch: Branch) -> None:
    with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secured:
        certificate = secured.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate.get("notAfter")))
    days = int((ends - time.time()) // 86_400)
    branch.found.append(f"TLS: the certificate holds for {days} more days")
    if days < _CERTIFICATE_DAYS:
        _ill(
            branch,
            "TLS: Cloudflare renews certificates long before that, and didn't",
            "Look at Edge Certificates of the zone; validation may hang.",
        )


def _ask(service: ServiceClient, branch: Branch) -> None:
    watch = Stopwatch()
    try:
        answer = service.call("GET", "/health")
    except ServiceError as error:
        _ill(branch, str(error), "notifyctl releases --limit 3")
        return
    said = f"GET /health answered {answer.status_code} in {watch.seconds * 1000:.0f} ms"
    if answer.status_code == 200:
        branch.found.append(said)
    else:
        _ill(branch, said, "notifyctl doctor")


def _ill(branch: Branch, what: str, *steps: str) -> None:
    branch.ill(Finding(what, "Unreachable", steps, over="when GET /health answers 200"))
