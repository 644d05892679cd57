"""A stack's secrets: which file is judged, with what, and what the checks say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from infra.settings.problems import Problem
from ops.access.checks import stack_secrets as module
from ops.access.checks.outcome import Outcome
from ops.access.checks.stack_secrets import WATCHED, StackSecrets
from ops.access.keys.key_file import KeyFile
from ops.stacks.errors import OperationError
from ops.stacks.local_stack import LocalStack
from tests.infra.test_stack_settings import SECURE, stack_file
from tests.ops.contexts import context_of

PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "p", "NOTIFYCTL_PULUMI": "path", "PATH": ""}
GOOD = {"apiSecretKey": "a1" * 32, "encryptKey": "b" * 32}


def outcomes(
    tmp_path: Path, environment: dict[str, str] | None = None, **changes: Any
) -> dict[str, Outcome]:
    file = stack_file(tmp_path, **changes)
    given = PASSPHRASE if environment is None else environment
    context = context_of(tmp_path, "production", file=file, environment=given)
    return {one.check: one for one in StackSecrets(context).outcomes()}


@pytest.fixture
def clear(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the file's secrets are once they are decrypted."""
    values: dict[str, Any] = dict(GOOD)

    def read(key: str) -> str:
        found = values[key]
        if isinstance(found, Exception):
            raise found
        return str(found)

    monkeypatch.setattr(KeyFile, "of", lambda _: SimpleNamespace(read=read))
    return values


def test_settings_and_secrets_without_a_mistake(tmp_path: Path, clear: dict[str, Any]) -> None:
    assert outcomes(tmp_path) == {
        "settings": Outcome.ok("settings", "no mistakes"),
        "secrets": Outcome.ok("secrets", "each has its form, without spaces or line breaks"),
        "environment": Outcome.ok("environment", "no stray space or line break in a variable"),
    }


def test_mistakes_of_settings_and_of_secrets_are_told_apart(
    tmp_path: Path, clear: dict[str, Any]
) -> None:
    clear["encryptKey"] = "b" * 31 + " "
    found = outcomes(tmp_path, logLevel="loud", cacheTtlSeconds=1)
    assert found["settings"].result == "fail"
    assert found["settings"].found.startswith("logLevel: ")
    assert "; cacheTtlSeconds: " in found["settings"].found
    where = "in Pulumi.production.yaml, or by `pulumi config set`"
    assert found["settings"].advice == f"Correct them {where}."
    assert found["secrets"].found.startswith("encryptKey: ")
    assert "apiSecretKey" not in found["secrets"].found
    made = f"Make a new one by 'notifyctl keys generate', or set it again {where}."
    assert found["secrets"].advice == made


def test_a_secret_that_cannot_be_decrypted_is_told_once(
    tmp_path: Path, clear: dict[str, Any]
) -> None:
    clear["apiSecretKey"] = OperationError("The passphrase is wrong. Set another one.")
    found = outcomes(tmp_path)["secrets"]
    assert found == Outcome.warn(
        "secrets",
        "all are there, and their values can't be read here: The passphrase is wrong",
        "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, or log in to Pulumi.",
    )
    none = {"NOTIFYCTL_PULUMI": "path", "PATH": ""}
    found = outcomes(tmp_path, none)["secrets"]
    assert found.found.endswith(": neither PULUMI_CONFIG_PASSPHRASE nor a 'pulumi' is there")
    by_file = {**none, "PULUMI_CONFIG_PASSPHRASE_FILE": "file"}
    clear["apiSecretKey"] = GOOD["apiSecretKey"]
    assert outcomes(tmp_path, by_file)["secrets"].result == "ok"


def test_a_secret_of_another_provider_is_not_read(tmp_path: Path, clear: dict[str, Any]) -> None:
    assert outcomes(tmp_path, **{"aws:secretKey": SECURE})["secrets"].result == "ok"


def test_a_fingerprint_that_differs_is_recorded_where_the_value_is_right(
    tmp_path: Path, clear: dict[str, Any]
) -> None:
    fingerprints = {"apiSecretKey": "0" * 12}
    found = outcomes(tmp_path, keyFingerprints=fingerprints)["secrets"]
    assert found.result == "fail"
    recorded = "If the new value is right, record it: notifyctl keys record --stack production"
    assert found.advice == recorded
    clear["encryptKey"] = "b"
    found = outcomes(tmp_path, keyFingerprints=fingerprints)["secrets"]
    assert found.advice.startswith("Make a new one by 'notifyctl keys generate'")


@pytest.mark.parametrize("count", [1, 3])
def test_what_only_a_look_at_all_files_shows_is_added_once(
    tmp_path: Path, clear: dict[str, Any], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    others = [tmp_path / f"Pulumi.other{number}.yaml" for number in range(count - 1)]
    for other in others:
        other.write_text(yaml.safe_dump({"config": {}}))
    asked: list[Any] = []

    def checked(paths: Any, *, template: bool) -> Any:
        asked.append((list(paths), template))
        return [
            SimpleNamespace(
                file=path.name,
                problems=[
                    Problem("apiSecretKey", "(hidden)", f"it is that of {path.name}.", "x"),
                    Problem("logLevel", "loud", LOUD, "info"),
                ],
            )
            for path in paths
        ]

    monkeypatch.setattr(module, "check_files", checked)
    found = outcomes(tmp_path, logLevel="loud")
    [(paths, template)] = asked
    assert paths == sorted([tmp_path / "Pulumi.production.yaml", *others])
    assert template is False
    assert found["secrets"].found == "apiSecretKey: it is that of Pulumi.production.yaml."
    assert found["settings"].found == f"logLevel: {LOUD}"


LOUD = "one of debug, info, warn, error."


@pytest.mark.parametrize("name", WATCHED)
@pytest.mark.parametrize("value", [" x", "x\n", "\tx"])
def test_a_variable_that_was_pasted_with_a_space_is_named(
    tmp_path: Path, clear: dict[str, Any], name: str, value: str
) -> None:
    found = outcomes(tmp_path, {**PASSPHRASE, "OTHER": " x ", name: value})["environment"]
    assert (found.result, found.found) == ("fail", f"a space or a line break at an end of {name}")


@pytest.mark.parametrize(("rendered", "passphrase"), [(False, True), (True, False), (True, True)])
def test_a_local_stacks_secrets_are_made_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rendered: bool, passphrase: bool
) -> None:
    file = stack_file(tmp_path, "local", **{"cloudflare:baseUrl": "http://127.0.0.1:9/client/v4"})
    context = context_of(tmp_path, "local", home=tmp_path, file=file, environment=PASSPHRASE)
    kept = tmp_path / "rendered.yaml"
    if rendered:
        kept.write_text("")
    if passphrase:
        context.project.passphrase_file.write_text("p\n")
    monkeypatch.setattr(module, "rendered_file", lambda *_: kept)
    prepared: list[bool] = []

    def prepare(_: Any) -> Any:
        prepared.append(True)
        return SimpleNamespace(config_file=file)

    monkeypatch.setattr(LocalStack, "prepare", prepare)
    monkeypatch.setattr(
        StackSecrets, "_judged", lambda _, path: iter([Outcome.ok("judged", path.name)])
    )
    first = next(iter(StackSecrets(context).outcomes()))
    if rendered and passphrase:
        assert first == Outcome.ok("judged", "Pulumi.local.yaml")
        assert prepared == [True]
    else:
        assert first == Outcome.skipped(
            "secrets",
            "'local' has made none yet",
            "They are made with the stack: notifyctl up --stack local",
        )
        assert prepared == []
