"""The plan of a stack against its real account, where its secrets may not be."""

from __future__ import annotations

import secrets as random_secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine import new_encryption_salt
from engine.passphrase import PassphraseSecrets
from engine.property_value import SECRET, SIGNATURE
from infra.account_api import PLAN_VARIABLE, AccountApi
from infra.names import Names
from infra.preconditions.questions import taken_names
from infra.settings.key_dates import key_fingerprint
from infra.settings.problems import PROJECT
from ops.build.build import build_bundle
from ops.deploy.baseline import Baseline, SecretMark, placeholder, sealed_marks
from ops.stacks.account import StackAccount
from ops.stacks.choice import baseline_driver
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import StackFailed, UsageError
from ops.stacks.local_cloud import require_local_cloud
from ops.stacks.local_stack import LocalStack
from ops.stacks.moment import counted
from ops.stacks.new_state import create_stack_file
from ops.stacks.origin import short_hash

_DROPPED = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_ACCESS_TOKEN")
_KINDS = (":D1Database", ":WorkersKvNamespace", ":Queue", ":Worker")


@dataclass(frozen=True)
class BaselinePlan:
    """What an update would change.

    Attributes:
        baseline: what the plan was compared with.
        update: the engine's result.
        secrets: by setting: ``same``, ``new``, ``changed``, ``removed``, or ``encrypted anew``
            where nothing tells whether the text is another one.
    """

    baseline: Baseline
    update: StackUpdate
    secrets: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """Return the plan for ``--json``; there is no secret in it."""
        return {
            "stack": self.baseline.stack,
            "baseline": {"commit": self.baseline.commit, "taken_at": self.baseline.taken_at},
            "changes": dict(self.update.changes),
            "changed": self.update.changed,
            "steps": self.update.step_documents(),
            "secrets": dict(self.secrets),
        }


class BaselinePreview:
    """Plans one stack with a token that only reads, and without the stack's secrets.

    Args:
        context: the stack, as the checkout declares it.
        baseline: its state.
    """

    def __init__(self, context: StackContext, baseline: Baseline) -> None:
        self._context = context
        self._baseline = baseline
        self._reporter: Reporter = context.reporter

    def run(self) -> BaselinePlan:
        """Plan it. Nothing of the stack is changed.

        Raises:
            UsageError: the baseline is another stack's, or the settings have mistakes.
            StackFailed: the program can't be planned, or the account would refuse the update.
        """
        context, baseline = self._context, self._baseline
        if baseline.stack != context.stack:
            raise UsageError(
                f"The baseline is of the stack '{baseline.stack}', and '{context.stack}' is to be "
                "planned."
            )
        # Every mistake at once, before anything is built; nothing here needs a secret.
        _ = context.settings
        if context.is_local:
            require_local_cloud(context.project, context.stack)
        elif not context.file.is_whole:
            self._reporter.line(
                "The settings that come from a Pulumi environment can't be read without its "
                "secrets; their defaults are planned.",
                style="yellow",
            )
        with self._reporter.step("Bundle") as step:
            built = build_bundle(context.project, context.file)
            step.detail = f"{counted(built.modules, 'module')}, sha256 {short_hash(built.sha256)}"
        self._require_free_names()
        with self._stand_in() as (local, states):
            driver = baseline_driver(context, local)
            with self._reporter.step(f"State of {baseline.taken_at}") as step:
                create_stack_file(context.project.root, local)
                driver.replace_state(_sealed_state(baseline.deployment, local))
                step.detail = short_hash(baseline.commit) or "no commit"
            with self._reporter.step(f"Preview of the stack {context.stack}") as step:
                update = driver.preview(self._reporter.progress)
                step.detail = update.summary
        return BaselinePlan(baseline, update, states)

    def _require_free_names(self) -> None:
        account = StackAccount.of(self._context)
        settings = self._context.settings
        owned = {
            str(resource["id"])
            for resource in self._baseline.deployment["resources"]
            if resource.get("id") and str(resource.get("type", "")).endswith(_KINDS)
        }
        owned |= {
            str(value) for key, value in settings.model_dump().items() if key.startswith("adopt_")
        }
        with AccountApi(account.base_url, account.account_id, token=account.token) as api:
            names = Names.of_stack(self._context.stack)
            answers = taken_names(api, names, owned, shards=settings.shards)
        if answers.refusals:
            raise StackFailed(
                "An update would be refused: the account already has these, and not from this "
                "stack: "
                f"{', '.join(answers.refusals)}."
            )
        if answers.full:
            raise StackFailed(f"An update would be refused: {' '.join(answers.full)}")
        if answers.unknown:
            raise StackFailed(f"The account couldn't be asked: {' '.join(answers.unknown)}")

    @contextmanager
    def _stand_in(self) -> Iterator[tuple[LocalStack, Mapping[str, str]]]:
        """Give a stack of the same name whose secrets are placeholders, and how they compare."""
        context = self._context
        file, environment = context.file, dict(context.environment)
        if context.is_local:
            real = LocalStack.prepare(context)
            file = context.of_stack(context.stack, real.config_file).file
            environment = dict(real.environment)
        passphrase = random_secrets.token_urlsafe(32)
        salt = new_encryption_salt(passphrase)
        cipher = PassphraseSecrets(salt, passphrase)
        config, states = compare_secrets(file.config, self._baseline.secrets)
        for key, text in config.items():
            if isinstance(text, _Placeholder):
                config[key] = {"secure": cipher.encrypt(text.text)}
        with tempfile.TemporaryDirectory(prefix="notifyctl-plan-") as name:
            folder = Path(name)
            settings = folder / f"Pulumi.{context.stack}.yaml"
            settings.write_text(
                yaml.safe_dump({"encryptionsalt": salt, "config": config}), encoding="utf-8"
            )
            kept = {k: v for k, v in environment.items() if k not in _DROPPED}
            yield (
                LocalStack(
                    stack=context.stack,
                    backend_dir=folder / "pulumi",
                    config_file=settings,
                    passphrase=passphrase,
                    environment={**kept, PLAN_VARIABLE: "1"},
                ),
                states,
            )


@dataclass(frozen=True)
class _Placeholder:
    """The text of a placeholder, before it is encrypted like a secret."""

    text: str


def compare_secrets(
    config: Mapping[str, Any], deployed: Mapping[str, SecretMark]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings with placeholders for the secrets, and how each secret compares.

    A secret whose ciphertext is the baseline's is the same. Another ciphertext may hold the same
    text: the fingerprint in ``keyFingerprints`` tells, and a deployment refuses a wrong one.

    Args:
        config: the settings by full key, secrets encrypted.
        deployed: the baseline's marks.
    """
    written = sealed_marks(config)
    recorded = _recorded(config)
    found = dict(config)
    states: dict[str, str] = {}
    fingerprints = dict(recorded)
    for key, sealed in written.items():
        known = deployed.get(key)
        if known is not None and (known.sealed == sealed or recorded.get(key) == known.fingerprint):
            fingerprint, states[key] = known.fingerprint, "same"
        else:
            fingerprint = recorded.get(key, sealed)
            states[key] = "new" if known is None else "changed"
            if known is not None and key not in recorded:
                states[key] = "encrypted anew"
        text = placeholder(key, fingerprint)
        found[f"{PROJECT}:{key}"] = _Placeholder(text)
        if recorded.get(key) == fingerprint:
            fingerprints[key] = key_fingerprint(key, text)
    for key in sorted({*deployed} - {*written}):
        states[key] = "removed"
    if recorded:
        found[f"{PROJECT}:keyFingerprints"] = fingerprints
    return found, dict(sorted(states.items()))


def _recorded(config: Mapping[str, Any]) -> dict[str, str]:
    value = config.get(f"{PROJECT}:keyFingerprints")
    if isinstance(value, str):
        value = yaml.safe_load(value)
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _sealed_state(deployment: Mapping[str, Any], local: LocalStack) -> dict[str, Any]:
    """Return an export whose placeholders are encrypted under the stand-in's passphrase."""
    salt = str(yaml.safe_load(local.config_file.read_text(encoding="utf-8"))["encryptionsalt"])
    cipher = PassphraseSecrets(salt, local.passphrase)

    def sealed(value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get(SIGNATURE) == SECRET and "plaintext" in value:
                return {SIGNATURE: SECRET, "ciphertext": cipher.encrypt(str(value["plaintext"]))}
            return {key: sealed(item) for key, item in value.items()}
        return [sealed(item) for item in value] if isinstance(value, list) else value

    found: dict[str, Any] = sealed(deployment)
    found["secrets_providers"] = {"type": "passphrase", "state": {"salt": salt}}
    return {"version": 3, "deployment": found}
