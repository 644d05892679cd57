"""Reading optional fields of a JSON body."""

from typing import Any

from notification.errors import ServiceError


def _wrong(text: str) -> ServiceError:
    return ServiceError("INVALID_PARAMETER", text)


def text_field(body: dict[str, Any], *names: str) -> str | None:
    """The first of `names` that is there; raises `ServiceError` where it is no text."""
    for name in names:
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong(f"{name} must be a string")
        if value:
            return str(value)
    return None


def whole_field(
    body: dict[str, Any], name: str, *, default: int | None = None, most: int = 2**53 - 1
) -> int | None:
    """A positive integer up to `most`; raises `ServiceError`."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(f"{name} must be a positive integer")
    if value > most:
        raise _wrong(f"{name} must not exceed {most}")
    return value


def flag_field(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """A boolean; raises `ServiceError`."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(f"{name} must be a boolean")
    return value


def ids_field(body: dict[str, Any], name: str) -> list[int] | None:
    """A list of at most 1,000 ids; raises `ServiceError`."""
    value = body.get(name)
    if value is None:
        return None
    valid = isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**53 for item in value
    )
    if not valid or len(value) > 1_000:
        raise _wrong(f"{name} must be an array of at most 1000 ids")
    return list(value)
