"""What a decrypted secret must look like."""

import re
from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from infra.settings.key_dates import key_fingerprint
from infra.settings.problems import HIDDEN, MISSING, Problem
from infra.settings.values import is_loopback

_SAMPLES = (
    "dev-secret",
    "dev-encrypt-key",
    "your-secret-key",
    "PLACEHOLDER_",
    "test-password",
    "grafana-password",
)
_TOKEN_FORM = (r".{32,}", "at least 32 printable characters", "openssl rand -hex 32")
_PAIR = ("grafanaWebhookUsername", "grafanaWebhookPassword")
_FORMS = {
    "apiSecretKey": (
        r"[0-9a-f]{64}",
        "64 hexadecimal digits in lower case",
        "openssl rand -hex 32",
    ),
    "encryptKey": (r"[A-Za-z0-9]{32}", "exactly 32 letters and digits", "openssl rand -hex 16"),
    "adminApiKey": _TOKEN_FORM,
    "bridgeToken": _TOKEN_FORM,
    "metricsToken": _TOKEN_FORM,
    "grafanaWebhookUsername": (
        r"[^:]{1,100}",
        "1 to 100 characters without a colon",
        "echo grafana",
    ),
    "grafanaWebhookPassword": _TOKEN_FORM,
}
"""Pattern, its form in words, and a command that makes such a value."""


DEVELOPMENT_DEFAULTS = {
    "apiSecretKey": "dev-secret",
    "encryptKey": "dev-encrypt-key-32-chars-exactly",
    "grafanaWebhookUsername": "grafana",
    "grafanaWebhookPassword": "grafana-password",
}
"""What a stack on this machine takes where nothing is set: it works, and protects nothing."""


def are_samples_allowed(environment: object, base_url: object) -> bool:
    """Whether published samples may stand for secrets: in development, on this machine alone."""
    return environment == "development" and is_loopback(str(base_url))


def secret_rules(secrets: Mapping[str, SecretStr], *, samples_allowed: bool) -> Iterator[Problem]:
    """Check decrypted secrets by key; each has the strict form.

    Where the service's published samples are allowed, any printable text is (an encryption key has
    32 characters even there).
    """
    for key, secret in secrets.items():
        pattern, form, command = _FORMS[key.removesuffix("Previous")]
        text = secret.get_secret_value()
        example = f"the output of `{command}`"
        if re.search(r"\s", text) or not text.isprintable():
            yield Problem(key, HIDDEN, "it has a space, a newline or a control character.", example)
        elif samples_allowed:
            if not text or (key.startswith("encryptKey") and len(text) != 32):
                yield Problem(key, HIDDEN, f"{form}.", example)
        elif text.startswith(_SAMPLES):
            yield Problem(key, HIDDEN, "a published sample value protects nothing.", example)
        elif not re.fullmatch(pattern, text):
            yield Problem(key, HIDDEN, f"{form}.", example)
    yield from _unpaired(secrets)
    for key in _FORMS:
        if key in secrets and secrets.get(f"{key}Previous") == secrets[key]:
            yield Problem(
                f"{key}Previous", HIDDEN, f"it has to differ from {key}.", "(remove the key)"
            )


def _unpaired(secrets: Mapping[str, SecretStr]) -> Iterator[Problem]:
    for key, other in (_PAIR, _PAIR[::-1]):
        if key in secrets and other not in secrets:
            yield Problem(
                other, MISSING, f"it belongs to {key}; Grafana presents both.", "(set it, too)"
            )


def fingerprint_rules(secrets: Mapping[str, SecretStr], recorded: object) -> Iterator[Problem]:
    """Check that the recorded fingerprints are today's secrets', and so the dates."""
    if not isinstance(recorded, dict):
        return
    for key, secret in secrets.items():
        known = recorded.get(key)
        if known is not None and known != key_fingerprint(key, secret.get_secret_value()):
            yield Problem(
                "keyFingerprints",
                HIDDEN,
                f"{key} isn't the secret that was recorded: it was changed without its date.",
                "`notifyctl keys record`",
            )
