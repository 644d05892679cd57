"""Which settings still hold where a stack is derived from another one, decided per setting."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from infra.settings.access import AccessSettings
from infra.settings.address import AddressSettings
from infra.settings.check import RENAMED
from infra.settings.key_dates import KeyDates
from infra.settings.problems import PROJECT
from infra.settings.secret_model import Secrets
from infra.settings.stores import StoreSettings
from infra.settings.traffic import TrafficSettings
from infra.settings.worker import WorkerSettings
from infra.settings.workflow_secrets import WorkflowSecrets

_ALL: frozenset[str] = frozenset()
"""In place of the names of some settings: every setting of the group."""
_Groups = Mapping[type[BaseModel], frozenset[str]]
_OF_SECRETS: _Groups = {KeyDates: _ALL, Secrets: _ALL, WorkflowSecrets: _ALL}
"""The secrets, and what was recorded about them."""
_OF_IMPORTS: _Groups = {
    StoreSettings: frozenset(name for name in StoreSettings.model_fields if "adopt_" in name)
}
_OF_ONE_STACK: _Groups = {
    **_OF_SECRETS,
    **_OF_IMPORTS,
    AccessSettings: _ALL,
    TrafficSettings: _ALL,
    AddressSettings: frozenset(
        {"service_url", "custom_domain", "route_pattern", "zone_name", "zone_id", "take_over"}
    ),
    WorkerSettings: frozenset({"maintenance_mode"}),
}


def for_an_empty_account(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the same stack in an account that has nothing yet, without secrets.

    Args:
        config: settings as the stack's file has them, by full key.
    """
    return _without(config, {**_OF_SECRETS, **_OF_IMPORTS})


def for_another_stack(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what another stack can have of these settings, without secrets.

    Args:
        config: settings as the stack's file has them, by full key.
    """
    return _without(config, _OF_ONE_STACK)


def _without(config: Mapping[str, Any], groups: _Groups) -> dict[str, Any]:
    dropped = {key for group, names in groups.items() for key in _keys(group, names)}
    return {
        key: value
        for key, value in config.items()
        if _current(key) not in dropped and not is_encrypted(value)
    }


def _keys(group: type[BaseModel], names: frozenset[str]) -> Iterator[str]:
    for name, field in group.model_fields.items():
        if not names or name in names:
            yield field.alias or to_camel(name)


def _current(key: str) -> str:
    name = key.removeprefix(f"{PROJECT}:")
    return RENAMED.get(name, name)


def is_encrypted(value: object) -> bool:
    """Whether a stack's file has this setting as a secret."""
    return isinstance(value, Mapping) and "secure" in value
