"""The example that a mistake in a settings file is told with is one that the rule takes."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any, get_args

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

import infra.settings
from infra.settings.values import Rule

NOT_A_VALUE = ("`", "(")
"""How an example begins that tells where the value comes from."""


def ruled() -> dict[str, Any]:
    """Return each type of a setting that has a rule, by its place."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(infra.settings.__path__, "infra.settings."):
        for name, each in vars(import_module(module.name)).items():
            if any(isinstance(part, Rule) for part in getattr(each, "__metadata__", ())):
                found[f"{module.name}.{name}"] = each
    return found


def example_of(type_: Any) -> str:
    [rule] = [part for part in get_args(type_) if isinstance(part, Rule)]
    return rule.example


VALUES = {
    place: type_
    for place, type_ in ruled().items()
    if not example_of(type_).startswith(NOT_A_VALUE)
}


@pytest.mark.parametrize("place", VALUES)
def test_a_rule_takes_its_own_example(place: str) -> None:
    TypeAdapter(VALUES[place]).validate_python(example_of(VALUES[place]))


def test_another_text_is_refused_by_every_rule_of_what_is_no_secret() -> None:
    # A secret's form depends on the others: secret_rules judges it.
    plain = [type_ for type_ in VALUES.values() if SecretStr not in get_args(type_)]
    for type_ in plain:
        with pytest.raises(ValidationError):
            TypeAdapter(type_).validate_python("~\n")
    assert len(plain) > 40
