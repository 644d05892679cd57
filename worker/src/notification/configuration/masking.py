"""Masking secrets in answers, and restoring masked values that come back."""

import re
from collections.abc import Callable
from typing import Any

_SECRET_NAME = re.compile(r"token|secret|password|api_?key|authorization", re.IGNORECASE)
"""Names of secret fields, and of fields that a caller may have meant to be one."""

_MASK = re.compile(r"(?:.{4})?…|\*{3}|..\*{3}..", re.DOTALL)

Mask = Callable[[str], str]


def is_secret(name: str) -> bool:
    """Return whether a field of that name is masked in answers."""
    return _SECRET_NAME.search(name) is not None


def mask(value: str) -> str:
    """Return the first four characters and `…`; only `…` for up to four characters.

    >>> mask("whsec_abcdef")
    'whse…'
    """
    return (value[:4] if len(value) > 4 else "") + "…"


def is_mask(value: Any) -> bool:
    """Return whether a value has the form that masked ones have; no secret has it."""
    return isinstance(value, str) and _MASK.fullmatch(value) is not None


def mask_both_ends(value: str) -> str:
    """Return the first and last two characters around `***`, as `mask=true` shows them."""
    return f"{value[:2]}***{value[-2:]}" if len(value) > 8 else "***"


def _mask_value(value: Any, how: Mask) -> Any:
    if isinstance(value, list):
        return [_mask_value(item, how) for item in value]
    if isinstance(value, str):
        return how(value) if value else value
    # What has no text has no beginning that could be shown.
    return value if value is None else how("")


def mask_config(config: dict[str, Any], how: Mask = mask) -> dict[str, Any]:
    """Return a copy with secret fields and header values masked; URLs stay readable."""
    masked = {}
    for name, value in config.items():
        if is_secret(name):
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
    """Return whether a secret field looks masked, so that the stored value is needed."""
    headers = config.get("headers")
    candidates = [value for name, value in config.items() if is_secret(name)]
    candidates += list(headers.values()) if isinstance(headers, dict) else []
    flat = [v for c in candidates for v in (c if isinstance(c, list) else [c])]
    return any(isinstance(v, str) and (v.endswith("…") or "***" in v) for v in flat)


def unmask_config(sent: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Return `sent` with every masked form of a stored value replaced by that value."""
    restored = {}
    for name, value in sent.items():
        if is_secret(name):
            restored[name] = _restore(value, stored.get(name))
        elif name == "headers" and isinstance(value, dict):
            known = stored.get("headers")
            known = known if isinstance(known, dict) else {}
            restored[name] = {h: _restore(text, known.get(h)) for h, text in value.items()}
        else:
            restored[name] = value
    return restored
