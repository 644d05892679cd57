"""The rules by which some paths reach a Worker before its assets."""

from __future__ import annotations

MAX_RULES = 100
MAX_RULE_LENGTH = 100


def check_rules(value: bool | list[str] | None) -> bool | list[str] | None:
    """Refuse rules as Cloudflare does. Raises ValueError with the first reason found.

    A rule begins with `/`, or with `!/` where the assets come first; a star fits anything.
    """
    if not isinstance(value, list):
        return value
    if not 1 <= len(value) <= MAX_RULES:
        raise ValueError(f"there must be from 1 to {MAX_RULES} rules")
    for rule in value:
        if not rule.startswith(("/", "!/")):
            raise ValueError(f"{rule[:80]!r} must begin with '/' or '!/'")
        if len(rule) > MAX_RULE_LENGTH:
            raise ValueError(f"{rule[:80]!r} has more than {MAX_RULE_LENGTH} characters")
        if value.count(rule) > 1:
            raise ValueError(f"{rule!r} is there more than once")
        if wider := _makes_redundant(rule, value):
            raise ValueError(f"{wider!r} makes {rule!r} redundant")
    if all(rule.startswith("!") for rule in value):
        raise ValueError("there must be at least one rule that isn't negative")
    return value


def _makes_redundant(rule: str, rules: list[str]) -> str | None:
    for other in rules:
        if other != rule and other.endswith("*") and rule.startswith(other[:-1]):
            return other
    return None
