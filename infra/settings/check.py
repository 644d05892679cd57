"""Checking raw config values, wherever they come from, into typed settings."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from cron.expression import InvalidCron
from infra.settings.account import BASE_URL_KEY
from infra.settings.model import KnownSettings, Settings
from infra.settings.problems import HIDDEN, MISSING, Problem, SettingsError
from infra.settings.rules import crons_that_never_fire, ordinary_rules
from infra.settings.secret_model import Secrets
from infra.settings.secret_rules import (
    DEVELOPMENT_DEFAULTS,
    are_samples_allowed,
    fingerprint_rules,
    secret_rules,
)
from infra.settings.values import Rule
from infra.settings.workflow_secrets import WorkflowSecrets


@dataclass(frozen=True)
class Encrypted:
    """A value that is there and encrypted, where nobody can decrypt it."""


@dataclass(frozen=True)
class RawConfig:
    """Config values by key: the project's own without a namespace, others with theirs.

    `secret_keys` are the keys whose values are stored encrypted.
    """

    source: str
    stack: str
    values: Mapping[str, object]
    secret_keys: frozenset[str]


RENAMED = {"keyPrints": "keyFingerprints"}
"""Keys of the release before, which are still read, by the keys that they have now."""


class CheckedConfig:
    """Typed values of a RawConfig, and every mistake in it."""

    def __init__(self, raw: RawConfig) -> None:
        raw = _renamed(raw)
        self._raw = raw
        self._given = raw.values
        self._fields = _fields(Settings)
        self._service_fields = _fields(Secrets)
        self._secret_fields = {**self._service_fields, **_fields(WorkflowSecrets)}
        self._missing: list[Problem] = []
        wrong: list[Problem] = list(self._unknown())
        self._values = self._valid(self._fields, wrong)
        wrong += ordinary_rules(self._values, raw.stack)
        samples_allowed = are_samples_allowed(
            self._values.get("environment"), self._values.get(BASE_URL_KEY)
        )
        if samples_allowed:
            self._fill_in_samples()
        self._secret_values = self._valid(self._secret_fields, wrong)
        wrong += self._in_clear()
        readable = {
            key: secret
            for key, secret in self._secret_values.items()
            if isinstance(secret, SecretStr) and key in self._service_fields
        }
        wrong += secret_rules(readable, samples_allowed=samples_allowed)
        wrong += fingerprint_rules(readable, self._values.get("keyFingerprints"))
        self._wrong = wrong

    def mistakes(self, *, template: bool = False) -> tuple[Problem, ...]:
        """All mistakes; in a template, a file that is still to be filled in, what lacks is none."""
        if not template:
            return (*self._missing, *self._wrong)
        return tuple(problem for problem in self._wrong if problem.value != MISSING)

    def warnings(self) -> tuple[str, ...]:
        """Return what is no mistake, and hardly what was meant."""
        crons = self._values.get("crons", ())
        return tuple(crons_that_never_fire(crons if isinstance(crons, tuple) else ()))

    def is_set(self, key: str) -> bool:
        """Whether there is a value, right or wrong, in clear or encrypted; a sample is none."""
        return self._given.get(key) is not None

    def settings(self) -> Settings:
        """Return the ordinary settings; raise SettingsError where there is any mistake."""
        self._refuse()
        return Settings.model_validate(self._values)

    def known(self) -> KnownSettings:
        """Return the ordinary settings that are right; any other has its default, or is `None`."""
        return KnownSettings.model_validate(self._values)

    def secrets(self) -> Secrets:
        """Return the decrypted secrets; raise SettingsError where there is any mistake."""
        self._refuse()
        return Secrets.model_validate(self._only(self._service_fields))

    def workflow_secrets(self) -> WorkflowSecrets:
        """Return the decrypted secrets of the workflows; raise SettingsError on any mistake."""
        self._refuse()
        return WorkflowSecrets.model_validate(self._only(_fields(WorkflowSecrets)))

    def _only(self, fields: Mapping[str, FieldInfo]) -> dict[str, object]:
        return {key: value for key, value in self._secret_values.items() if key in fields}

    def _refuse(self) -> None:
        if found := self.mistakes():
            raise SettingsError(self._raw.source, found)

    def _valid(self, fields: Mapping[str, FieldInfo], wrong: list[Problem]) -> dict[str, object]:
        valid: dict[str, object] = {}
        for key, field in fields.items():
            value = self._raw.values.get(key)
            rule = rule_of(field)
            if isinstance(value, Encrypted) and key in self._secret_fields:
                valid[key] = value
            elif value is not None:
                try:
                    valid[key] = adapter_of(field).validate_python(value)
                except (ValidationError, TypeError) as error:
                    shown = HIDDEN if key in self._secret_fields else _shown(value)
                    told = f"{_told(error)}{rule.text}"
                    wrong.append(Problem(key, shown, told, rule.example))
            elif field.is_required():
                self._missing.append(Problem(key, MISSING, rule.text, rule.example))
            elif key in self._fields:
                valid[key] = field.default
        return valid

    def _fill_in_samples(self) -> None:
        """Let a stack on this machine work without set-up, where a secret isn't set."""
        lacking = DEVELOPMENT_DEFAULTS.keys() - self._raw.values.keys()
        if "grafanaWebhookUsername" not in lacking or "grafanaWebhookPassword" not in lacking:
            lacking -= {"grafanaWebhookUsername", "grafanaWebhookPassword"}
        self._raw = replace(
            self._raw,
            values={**self._raw.values, **{key: DEVELOPMENT_DEFAULTS[key] for key in lacking}},
            secret_keys=self._raw.secret_keys | lacking,
        )

    def _unknown(self) -> Iterator[Problem]:
        known = [*self._fields, *self._secret_fields]
        for key in sorted(self._raw.values):
            namespace = key.partition(":")[0] if ":" in key else ""
            if key in known or namespace not in ("", "cloudflare"):
                continue
            near = difflib.get_close_matches(key, known, n=1)
            rule = f"unknown key; did you mean {near[0]}?" if near else "unknown key."
            if namespace:
                rule += " Credentials come from the environment (CLOUDFLARE_API_TOKEN)."
            yield Problem(key, HIDDEN, rule, "(remove the key)")

    def _in_clear(self) -> Iterator[Problem]:
        for key in self._secret_fields:
            if key in self._raw.values and key not in self._raw.secret_keys:
                yield Problem(
                    key,
                    HIDDEN,
                    "it is stored in clear text.",
                    f"`pulumi config set --secret {key}`, which asks for the value",
                )


def _renamed(raw: RawConfig) -> RawConfig:
    """Give settings their new keys; an old key beside its new one stays, and is unknown."""
    old = {key: new for key, new in RENAMED.items() if new not in raw.values}
    values = {old.get(key, key): value for key, value in raw.values.items()}
    return replace(raw, values=values)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def adapter_of(field: FieldInfo) -> TypeAdapter[Any]:
    """Return the type of one setting by itself, with its validators."""
    annotation: Any = field.annotation
    # What turns text into a value goes outermost: then limits hold, and show, on the value itself.
    for item in sorted(field.metadata, key=lambda item: isinstance(item, BeforeValidator)):
        annotation = Annotated[annotation, item]
    return TypeAdapter(annotation)


def rule_of(field: FieldInfo) -> Rule:
    """Return the Rule in a field's metadata, also where the field may be None."""
    queue: list[Any] = [*field.metadata, field.annotation]
    while queue:
        item = queue.pop(0)
        if isinstance(item, Rule):
            return item
        queue += [*getattr(item, "__metadata__", ()), *get_args(item)]
    raise TypeError("a setting's type carries no Rule")


def _told(error: ValidationError | TypeError) -> str:
    """Return what stands before the rule: a missing pair of quotes, or a cron's wrong field."""
    details = error.errors() if isinstance(error, ValidationError) else []
    for detail in details:
        # A text of digits without quotes is a number to YAML, and `2026-10-01` a date.
        if detail["type"] == "string_type" and isinstance(detail["input"], int | float | date):
            return "without quotes YAML doesn't read it as text: put it in quotes. It must be "
    causes = (detail.get("ctx", {}).get("error") for detail in details)
    return next((f"{cause}. It must be " for cause in causes if isinstance(cause, InvalidCron)), "")


def _shown(value: object) -> str:
    text = "an encrypted value" if isinstance(value, Encrypted) else repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
