"""Checking what callers pass, before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from notification_sdk._errors import ValidationError


def known(name: str, value: object, choices: Collection[object]) -> None:
    """Refuse a value that isn't one of a few.

    Raises:
        ValueError: with the argument's name, its value and the choices.
    """
    if value not in choices:
        listed = ", ".join(map(str, choices))
        raise ValueError(f"{name} must be one of {listed}, and is {value!r}")


def at_least(name: str, value: float, minimum: float) -> None:
    """Refuse a number that is too small, or isn't a number.

    Raises:
        ValueError: with the argument's name, its value and the minimum.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not value >= minimum:
        raise ValueError(f"{name} must be at least {minimum:g}, and is {value!r}")


def over_zero(name: str, value: float) -> None:
    """Refuse a number that isn't over 0.

    Raises:
        ValueError: with the argument's name and its value.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not value > 0:
        raise ValueError(f"{name} must be over 0, and is {value!r}")


def names(name: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of a list. A single text isn't one: its letters would be the names.

    Raises:
        ValidationError: the value isn't a list of texts.
    """
    listed = (
        tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else None
    )
    if listed is None or not all(isinstance(each, str) for each in listed):
        raise ValidationError(
            f"{name} must be a list of names, and is {value!r}.", code="INVALID_PARAMETER"
        )
    return listed


def filled(filters: Mapping[str, object]) -> dict[str, object]:
    """Return the filters that are given.

    The service reads an empty one as missing, and would answer for everybody.

    Raises:
        ValidationError: a filter is an empty text.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, str) and not value.strip():
            raise ValidationError(
                f"{name} is empty. Name one, or leave it out to take all.",
                code="INVALID_PARAMETER",
            )
    return given
