"""The threat scan of custom content. It is a tripwire for careless callers, no defence."""

import re

_PATTERNS = (
    re.compile(r"<script", re.IGNORECASE),
    re.compile(r"javascript:", re.IGNORECASE),
    # Event handlers count inside a tag only: `connections = 5` is innocent.
    re.compile(r"<[^>]*\bon[a-z0-9_]+\s*=", re.IGNORECASE),
    re.compile(r"<(?:iframe|object|embed)", re.IGNORECASE),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def find_threats(text: str) -> list[str]:
    """The names of what was found, in the contract's order.

    >>> find_threats("connections = 5")
    []
    """
    found = []
    if "\0" in text:
        found.append("null_byte_detected")
    if len(_CONTROL.findall(text)) * 10 > len(text):
        found.append("excessive_control_characters")
    if any(pattern.search(text) for pattern in _PATTERNS):
        found.append("potential_script_injection")
    return found
