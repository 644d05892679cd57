"""Which proxy and which certificate authority calls to a stack's account go by."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from ops.access.checks.outcome import Outcome
from ops.stacks.context import StackContext
from ops.stacks.errors import UsageError
from ops.stacks.proxy import proxy_for, require_usable_proxies

_FILE, _FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"


def look_at_network(context: StackContext) -> Iterator[Outcome]:
    """Yield what is in force for every call that leaves this machine; loopback goes by none.

    httpx, websockets and Pulumi's plugins read the same variables: HTTPS_PROXY and NO_PROXY,
    SSL_CERT_FILE and SSL_CERT_DIR.
    """
    if context.is_local:
        yield Outcome.ok("network", "loopback: no proxy, no certificate")
        return
    url = context.file.known.cloudflare_base_url
    try:
        require_usable_proxies()
        proxy = proxy_for(url)
        yield Outcome.ok("proxy", f"{proxy} for {url}" if proxy else f"none for {url}")
    except UsageError as error:
        found, _, advice = str(error).partition(". ")
        yield Outcome.fail("proxy", found, advice)
    yield _authority(context)


def _authority(context: StackContext) -> Outcome:
    file, folder = context.environment.get(_FILE), context.environment.get(_FOLDER)
    if file:
        try:
            ssl.create_default_context(cafile=file)
        except (OSError, ssl.SSLError):
            return Outcome.fail(
                "certificates",
                f"{_FILE} is {file}, which is no file of certificates in PEM",
                f"Correct {_FILE}: it holds the company's authority, and what else is trusted.",
            )
        return Outcome.ok("certificates", f"those of {_FILE} ({file})")
    if folder:
        if not Path(folder).is_dir():
            return Outcome.fail(
                "certificates", f"{_FOLDER} is {folder}, which is no folder", f"Correct {_FOLDER}."
            )
        return Outcome.ok("certificates", f"those of {_FOLDER} ({folder})")
    return Outcome.ok("certificates", "the well-known authorities")
