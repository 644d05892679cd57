"""A baseline holds no secret, and still tells whether one has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from engine import encrypt_config_value, new_encryption_salt
from engine.passphrase import PassphraseSecrets
from engine.property_value import SECRET, SIGNATURE
from infra.release import secret_fingerprint
from infra.settings.key_dates import key_fingerprint
from infra.settings.problems import PROJECT
from ops.deploy import baseline, baseline_preview
from ops.deploy.baseline import Baseline, SecretMark, placeholder
from ops.deploy.baseline_preview import BaselinePreview, _sealed_state, compare_secrets
from ops.stacks.console import Reporter
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import OperationError, StackFailed, UsageError
from tests.ops.contexts import context_of

KEY, ENCRYPT = "a1" * 32, "Ab3" * 10 + "Zz"
WORKER = "notification-system"
ACCOUNT = "a" * 32


def secret(value: Any) -> dict[str, str]:
    """A secret as `pulumi stack export --show-secrets` has it."""
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


def binding(name: str, text: Any, kind: str = "secret_text") -> dict[str, Any]:
    return {"name": name, "type": kind, "text": text}


def deployment() -> dict[str, Any]:
    fingerprints = json.dumps({"API_SECRET_KEY": secret_fingerprint("api_secret_key", KEY, WORKER)})
    plain = binding("SECRET_FINGERPRINTS", fingerprints, "plain_text")
    version: dict[str, Any] = {
        "urn": "urn:pulumi:production::notification-system::cloudflare:a/b:WorkerVersion::version",
        "type": "cloudflare:index/workerVersion:WorkerVersion",
        "id": "v1",
        "inputs": {
            "bindings": [
                binding("API_SECRET_KEY", secret(KEY)),
                binding("ENCRYPT_KEY", secret(ENCRYPT)),
                plain,
            ]
        },
        # The provider's outputs are one secret as a whole.
        "outputs": {
            "bindings": secret(
                [
                    binding("API_SECRET_KEY", KEY),
                    binding("ENCRYPT_KEY", {SIGNATURE: SECRET, "ciphertext": f'"{ENCRYPT}"'}),
                    plain,
                    {"name": "LIMIT", "type": "ratelimit", "simple": {"limit": 60}},
                    binding("LEVEL", {SIGNATURE: SECRET, "ciphertext": '"info"'}, "plain_text"),
                ]
            ),
            "token": secret({"value": "of nobody's setting", "port": 17, "on": True}),
        },
    }
    version["inputs"]["__provider"] = secret("the code of a provider")
    old = {**version, "delete": True, "inputs": {"bindings": []}, "outputs": {}}
    return {
        "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:the:salt"}},
        "resources": [version, old],
    }


def project(folder: Path, config: dict[str, Any] | None = None) -> Path:
    settings = {
        "accountId": ACCOUNT,
        "environment": "production",
        "workersDevSubdomain": "my-team",
        "apiSecretKey": {"secure": "v1:AAAA:BBBB"},
        "encryptKey": {"secure": "v1:AAAA:CCCC"},
        **(config or {}),
    }
    named = {f"{PROJECT}:{key}": value for key, value in settings.items()}
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.production.yaml").write_text(yaml.safe_dump({"config": named}))
    (folder / "Pulumi.yaml").write_text("name: notification-system\nruntime: python\n")
    return folder


def taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any] | None = None
) -> Baseline:
    driver = SimpleNamespace(export=lambda *, show_secrets: {"deployment": found or deployment()})
    monkeypatch.setattr(baseline, "choose_driver", lambda _: driver)
    context = context_of(project(tmp_path / "p"), "production", environment={})
    return Baseline.take(context, context.file.path)


def test_a_baseline_holds_a_placeholder_for_each_secret_and_what_follows_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = taken(tmp_path, monkeypatch)
    file = tmp_path / "baseline.json"
    file.touch(mode=0o644)  # One of before, whoever may read it.
    found.write(file)
    text = file.read_text()
    for hidden in (KEY, ENCRYPT, "of nobody's setting", "the:salt", "17"):
        assert hidden not in text.replace(found.taken_at, ""), hidden
    assert secret_fingerprint("api_secret_key", KEY, WORKER) not in text
    assert file.stat().st_mode & 0o777 == 0o600

    own = placeholder("apiSecretKey", key_fingerprint("apiSecretKey", KEY))
    version = found.deployment["resources"][0]
    first, second, third = version["inputs"]["bindings"]
    assert json.loads(first["text"]["plaintext"]) == own
    assert len(json.loads(second["text"]["plaintext"])) == 32
    assert secret_fingerprint("api_secret_key", own, WORKER) in third["text"]
    # By what a dynamic resource is carried out is no secret, though Pulumi marks it as one.
    assert json.loads(version["inputs"]["__provider"]["plaintext"]) == "the code of a provider"
    outputs = json.loads(version["outputs"]["bindings"]["plaintext"])
    assert outputs[0]["text"] == own
    assert outputs[3] == {"name": "LIMIT", "type": "ratelimit", "simple": {"limit": 60}}
    # A mark inside of another secret has its plain text where the ciphertext would be.
    assert outputs[4]["text"] == {SIGNATURE: SECRET, "ciphertext": '"info"'}
    assert "ciphertext" in outputs[1]["text"]
    other = json.loads(version["outputs"]["token"]["plaintext"])
    assert other == {"value": "placeholder", "port": 0, "on": True}
    assert Baseline.read(file) == found


def test_a_secret_in_a_place_that_nobody_knows_leaves_no_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = deployment()
    state["resources"][1]["outputs"] = {KEY: "a secret for a name"}
    with pytest.raises(OperationError, match="would have been left in the baseline") as refused:
        taken(tmp_path, monkeypatch, state)
    assert KEY not in str(refused.value)


def test_a_stack_without_a_version_has_nothing_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StackFailed, match="Deploy it first: notifyctl up --stack production"):
        taken(tmp_path, monkeypatch, {"resources": [{"type": "x", "urn": "y"}]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>", "is no baseline"),
        ("[]", "is no baseline"),
        ("{}", "is no baseline"),
        ('{"baseline": 2}', "form 2, and this command reads form 1"),
        ('{"baseline": 1, "secrets": {"a": {"x": 1}}, "deployment": {}}', "is no baseline"),
        ("[" * 5000, "is no baseline"),
    ],
)
def test_another_file_is_no_baseline(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        Baseline.read(file)
    with pytest.raises(UsageError, match="can't be read: No such file"):
        Baseline.read(tmp_path / "absent.json")


FINGERPRINT, OTHER = "f" * 16, "e" * 16
SEALED = baseline.sealed_marks({f"{PROJECT}:apiSecretKey": {"secure": "v1:AAAA:BBBB"}})
MARK = SecretMark(FINGERPRINT, SEALED["apiSecretKey"])
SAME = placeholder("apiSecretKey", FINGERPRINT)


@pytest.mark.parametrize(
    ("ciphertext", "recorded", "deployed", "state", "is_same"),
    [
        ("v1:AAAA:BBBB", {}, MARK, "same", True),
        ("v1:AAAA:BBBB", {"apiSecretKey": FINGERPRINT}, MARK, "same", True),
        ("v1:AAAA:ZZZZ", {"apiSecretKey": FINGERPRINT}, MARK, "same", True),
        ("v1:AAAA:ZZZZ", {"apiSecretKey": OTHER}, MARK, "changed", False),
        ("v1:AAAA:ZZZZ", {}, MARK, "encrypted anew", False),
        ("v1:AAAA:BBBB", {"apiSecretKey": OTHER}, None, "new", False),
    ],
)
def test_a_secret_is_compared_by_its_ciphertext_and_its_fingerprint(
    ciphertext: str,
    recorded: dict[str, str],
    deployed: SecretMark | None,
    state: str,
    is_same: bool,
) -> None:
    config = {f"{PROJECT}:apiSecretKey": {"secure": ciphertext}}
    if recorded:
        config[f"{PROJECT}:keyFingerprints"] = recorded
    marks = {} if deployed is None else {"apiSecretKey": deployed}
    found, states = compare_secrets(config, marks)
    assert states == {"apiSecretKey": state}
    text = found[f"{PROJECT}:apiSecretKey"].text
    assert (text == SAME) is is_same
    if recorded and (is_same or state != "same"):
        # The program compares the record with what it is given.
        shown = found[f"{PROJECT}:keyFingerprints"]["apiSecretKey"]
        assert shown == key_fingerprint("apiSecretKey", text)


def test_a_secret_that_the_settings_no_longer_have_is_removed() -> None:
    assert compare_secrets({}, {"bridgeToken": MARK})[1] == {"bridgeToken": "removed"}


def test_a_record_that_is_wrong_stays_wrong_so_that_the_plan_refuses_it() -> None:
    config = {
        f"{PROJECT}:apiSecretKey": {"secure": "v1:AAAA:BBBB"},
        f"{PROJECT}:keyFingerprints": {"apiSecretKey": OTHER},
    }
    found, _ = compare_secrets(config, {"apiSecretKey": MARK})
    assert found[f"{PROJECT}:keyFingerprints"] == {"apiSecretKey": OTHER}


def test_a_plan_needs_no_passphrase_and_hands_on_nothing_of_the_stacks_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    salt = new_encryption_salt("the stack's own")
    sealed = encrypt_config_value(KEY, passphrase="the stack's own", salt=salt)
    before = taken(tmp_path, monkeypatch)
    root = project(tmp_path / "p", {"apiSecretKey": {"secure": sealed}})
    environment = {
        "CLOUDFLARE_API_TOKEN": "reads",
        "PULUMI_CONFIG_PASSPHRASE": "the stack's own",
        "PULUMI_ACCESS_TOKEN": "pul-x",
        "PATH": "/bin",
    }
    context = context_of(root, "production", environment=environment)
    given: dict[str, Any] = {}

    class Driver:
        def replace_state(self, exported: dict[str, Any]) -> None:
            given["state"] = exported

        def preview(self, _show: object) -> StackUpdate:
            return StackUpdate("preview", {"same": 3})

    def driver(_context: object, local: Any) -> Driver:
        given["local"] = local
        given["settings"] = local.config_file.read_text()
        return Driver()

    monkeypatch.setattr(baseline_preview, "baseline_driver", driver)
    monkeypatch.setattr(
        baseline_preview, "build_bundle", lambda *_: SimpleNamespace(modules=1, sha256="b" * 64)
    )
    monkeypatch.setattr(BaselinePreview, "_require_free_names", lambda _: None)
    plan = BaselinePreview(context, before).run()

    assert plan.secrets == {"apiSecretKey": "encrypted anew", "encryptKey": "same"}
    assert set(given["local"].environment) == {
        *("CLOUDFLARE_API_TOKEN", "PATH", "NOTIFICATION_PLAN_ONLY"),
    }
    assert sealed not in given["settings"]
    assert "plaintext" not in json.dumps(given["state"])
    assert not given["local"].config_file.exists()


def test_a_baseline_of_another_stack_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = taken(tmp_path, monkeypatch)
    root = project(tmp_path / "p")
    (root / "Pulumi.staging.yaml").write_text("config: {}\n")
    with pytest.raises(UsageError, match="of the stack 'production', and 'staging' is to be"):
        BaselinePreview(context_of(root, "staging", environment={}), found).run()


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_secret_with_quotes_is_found_however_deep_it_is_written(depth: int) -> None:
    text = 'say "friend" and enter \\ \u00fc'
    place: Any = {text: 1}
    for _ in range(depth):
        place = {"plaintext": json.dumps(place, ensure_ascii=False)}
    left = Baseline("production", "c", "2026-11-29T00:00:00Z", {}, {"resources": [place]})
    with pytest.raises(OperationError, match="would have been left"):
        left.require_no_secret([text])
    left.require_no_secret(["another secret of the same length"])


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    found = Baseline("production", "c", "2026-11-29T00:00:00Z", {}, {"resources": []})
    with pytest.raises(UsageError, match=r"gone/b\.json can't be written: No such file"):
        found.write(tmp_path / "gone" / "b.json")


def test_only_a_secret_in_clear_is_encrypted(tmp_path: Path) -> None:
    salt = new_encryption_salt("a passphrase")
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(yaml.safe_dump({"encryptionsalt": salt}))
    local: Any = SimpleNamespace(config_file=file, passphrase="a passphrase")
    secret = {SIGNATURE: SECRET, "plaintext": '"x"'}
    encrypted = {SIGNATURE: SECRET, "ciphertext": "v1:a:b"}
    others = [{"plaintext": "x"}, {SIGNATURE: "asset", "plaintext": "x"}, encrypted, "x", 1]
    found = _sealed_state({"resources": [secret, *others]}, local)
    assert found["version"] == 3
    sealed, *rest = found["deployment"]["resources"]
    cipher = PassphraseSecrets(salt, "a passphrase")
    assert cipher.decrypt(sealed["ciphertext"]) == '"x"'
    assert "plaintext" not in sealed
    assert rest == others
    provider = {"type": "passphrase", "state": {"salt": salt}}
    assert found["deployment"]["secrets_providers"] == provider


@pytest.mark.parametrize(("commit", "said"), [("c" * 40, "c" * 12), ("", "no commit")])
def test_a_plan_tells_its_bundle_and_the_commit_of_the_state(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    commit: str,
    said: str,
) -> None:
    before = replace(taken(tmp_path, monkeypatch), commit=commit)
    context = context_of(project(tmp_path / "p"), "production", environment={}, reporter=Reporter())
    update = StackUpdate("preview", {"create": 1})
    driver = SimpleNamespace(replace_state=lambda _: None, preview=lambda _: update)
    monkeypatch.setattr(baseline_preview, "baseline_driver", lambda *_: driver)
    built = SimpleNamespace(modules=1, sha256="b" * 64)
    monkeypatch.setattr(baseline_preview, "build_bundle", lambda *_: built)
    monkeypatch.setattr(BaselinePreview, "_require_free_names", lambda _: None)
    assert BaselinePreview(context, before).run().update is update
    steps = [line.rpartition(" (")[0] for line in capsys.readouterr().out.splitlines()]
    assert steps == [
        f"✓ Bundle 1 module, sha256 {'b' * 12}",
        f"✓ State of {before.taken_at} {said}",
        "✓ Preview of the stack production 1 create",
    ]
