"""The program and the local cloud, which don't import each other, call the same URLs local."""

from __future__ import annotations

import pytest

from infra.settings import values
from localcloud import loopback


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:8787/client/v4", True),
        ("https://127.8.9.1/", True),
        ("http://localhost:8787", True),
        ("http://LOCALHOST.:8787", True),
        ("http://worker.localhost:8788", True),
        ("http://[::1]:8787/", True),
        ("https://api.cloudflare.com/client/v4", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://127.0.0.1\\@example.com/", False),
        ("http://127.0.0.1:port/", False),
        ("http://[::1/", False),
        ("http://10.0.0.1/", False),
        ("http://169.254.169.254/", False),
        ("ftp://127.0.0.1/", False),
        ("127.0.0.1:8787", False),
        ("", False),
    ],
)
def test_both_give_the_same_answer(url: str, is_local: bool) -> None:
    assert values.is_loopback(url) is is_local
    assert loopback.is_loopback(url) is is_local
