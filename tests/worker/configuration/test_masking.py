"""What of a secret is shown."""

from __future__ import annotations

from typing import Any

import pytest

from notification.configuration.masking import (
    has_masked_values,
    is_mask,
    is_secret,
    mask,
    mask_both_ends,
    mask_config,
    unmask_config,
)

pytestmark = pytest.mark.requirement("C-0.12")


@pytest.mark.parametrize(
    ("secret", "first", "both"),
    [
        ("", "…", "***"),
        ("abcd", "…", "***"),
        ("abcde", "abcd…", "***"),
        ("abcdefgh", "abcd…", "***"),
        ("abcdefghi", "abcd…", "ab***hi"),
    ],
)
def test_a_short_secret_shows_nothing_and_a_long_one_its_ends(
    secret: str, first: str, both: str
) -> None:
    assert (mask(secret), mask_both_ends(secret)) == (first, both)
    assert is_mask(first)
    assert is_mask(both)


@pytest.mark.parametrize(
    "value", ["", "abcde…", "abc…", "abcd", "a***b", "ab**cd", "ab***c", 5, None]
)
def test_what_no_secret_is_masked_as_is_no_mask(value: object) -> None:
    assert not is_mask(value)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *((n, True) for n in ("bot_token", "Secret", "signing_secret", "apikey", "API_KEY")),
        *((n, True) for n in ("password", "Authorization", "bridge_token", "inbound_secret")),
        *((n, False) for n in ("webhook_url", "chat_id", "headers", "topic", "key", "method")),
    ],
)
def test_a_field_is_a_secret_by_its_name(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


STORED: dict[str, Any] = {
    "webhook_url": "https://x.example/path",
    "secret": "whsec-abcdefgh",
    "token": "",
    "api_key": None,
    "password": 12345,
    "signing_secret": ["whsec_first", "whsec_other"],
    "headers": {"X-Key": "key-12345", "X-N": 5},
}


def test_a_masked_configuration_hides_secrets_and_values_of_headers_alone() -> None:
    assert mask_config(STORED) == {
        "webhook_url": "https://x.example/path",
        "secret": "whse…",
        "token": "",
        "api_key": None,
        "password": "…",
        "signing_secret": ["whse…", "whse…"],
        "headers": {"X-Key": "key-…", "X-N": "…"},
    }
    assert mask_config({"headers": "text"}) == {"headers": "text"}


@pytest.mark.parametrize("how", [mask, mask_both_ends])
def test_what_was_masked_comes_back_as_it_was(how: Any) -> None:
    masked = mask_config(STORED, how)
    assert has_masked_values(masked)
    assert unmask_config(masked, STORED) == STORED
    assert unmask_config({**masked, "secret": "new"}, STORED)["secret"] == "new"
    without = {"secret": masked["secret"], "headers": {"X-Key": "x"}}
    assert unmask_config(without, {"headers": "text"}) == without


@pytest.mark.parametrize(
    ("config", "masked"),
    [
        ({"secret": "plain"}, False),
        ({"webhook_url": "https://x/…"}, False),
        ({"secret": "abcd…"}, True),
        ({"secret": "ab***cd"}, True),
        ({"signing_secret": ["plain", "abcd…"]}, True),
        ({"headers": {"X": "abcd…"}}, True),
        ({"headers": "abcd…"}, False),
        ({"secret": 5}, False),
    ],
)
def test_only_secrets_and_headers_are_looked_at_for_masks(
    config: dict[str, Any], masked: bool
) -> None:
    assert has_masked_values(config) is masked
