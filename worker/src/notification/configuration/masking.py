"""Hiding secrets in answers, and taking hidden ones back unharmed."""

from collections.abc import Callable
from typing import Any

_SECRET_FIELDS = frozenset({"bot_token", "secret", "signing_secret", "bridge_token"})

Mask = Callable[[str], str]


def mask(value: str) -> str:
    """The first four characters and `…`; nothing of a value that is no longer than that.

    >>> mask("whsec_abcdef")
    'whse…'
    """
    return (value[:4] if len(value) > 4 else "") + "…"


def mask_both_ends(value: str) -> str:
    """The first two and the last two characters around `***`, the form of `mask=true`."""
    return f"{value[:2]}***{value[-2:]}" if len(value) > 8 else "***"


def _mask_value(value: Any, how: Mask) -> Any:
    if isinstance(value, list):
        return [_mask_value(item, how) for item in value]
    return how(value) if isinstance(value, str) and value else value


def mask_config(config: dict[str, Any], how: Mask = mask) -> dict[str, Any]:
    """A copy with secret fields and header values hidden; URLs stay readable."""
    masked = {}
    for name, value in config.items():
        if name in _SECRET_FIELDS:
            masked[name] = _mask_value(value, how)
        elif name == "headers" and isinstance(value, dict):
            masked[name] = {header: _mask_value(text, how) for header, text in value.items()}
        else:
            masked[name] = value
    return masked


def _restore(sent: Any, stored: Any) -> Any:
    hidden = (_mask_value(stored, mask), _mask_value(stored, mask_both_ends))
    return stored if stored is not None and sent in hidden else sent


def has_masked_values(config: dict[str, Any]) -> bool:
    """Whether some secret field looks hidden, so that the stored one has to be looked up."""
    headers = config.get("headers")
    candidates = [config.get(name) for name in _SECRET_FIELDS]
    candidates += list(headers.values()) if isinstance(headers, dict) else []
    flat = [v for c in candidates for v in (c if isinstance(c, list) else [c])]
    return any(isinstance(v, str) and (v.endswith("…") or "***" in v) for v in flat)


def unmask_config(sent: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """`sent` with every value that is the hidden form of the stored one put back."""
    restored = {}
    for name, value in sent.items():
        if name in _SECRET_FIELDS:
            restored[name] = _restore(value, stored.get(name))
        elif name == "headers" and isinstance(value, dict):
            known = stored.get("headers")
            known = known if isinstance(known, dict) else {}
            restored[name] = {h: _restore(text, known.get(h)) for h, text in value.items()}
        else:
            restored[name] = value
    return restored
