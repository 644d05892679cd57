"""Pulumi's own format, read and written."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.deployment_codec import DeploymentCodec
from engine.errors import StateUnreadable, WrongPassphrase
from engine.passphrase import PassphraseSecrets, new_encryption_salt
from engine.property_value import Secret, unwrap
from tests.engine.workspace import PASSPHRASE, SALT, Workspace

FIXTURE = Path(__file__).with_name("fixtures") / "pulumi-state"
STATE = FIXTURE / "dot-pulumi" / "stacks" / "probe" / "dev.json"


def codec(salt: str = SALT, passphrase: str = PASSPHRASE) -> DeploymentCodec:
    return DeploymentCodec("organization/probe/dev", PassphraseSecrets(salt, passphrase))


def resources(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["checkpoint"]["latest"]["resources"]
    return found


def test_the_real_state_is_decrypted() -> None:
    deployment = codec().decode(STATE.read_text())
    assert len(deployment.resources) == 13
    by_name = {state.urn.rpartition("::")[2]: state for state in deployment.resources}
    assert unwrap(by_name["cf"].inputs["apiToken"]) == "x" * 40
    bindings = by_name["v"].inputs["bindings"]
    assert isinstance(bindings, Secret)
    texts = {item["name"]: item.get("text") for item in bindings.value}
    assert texts["API_SECRET_KEY"] == Secret("s3cr3t")
    assert texts["ENVIRONMENT"] == Secret("development")


def test_the_real_state_is_written_back_as_it_was() -> None:
    one = codec()
    deployment = one.decode(STATE.read_text())
    written = one.encode(deployment.resources, deployment.pending, time="2026-11-21T00:00:00Z")
    assert resources(written) == resources(STATE.read_text())


def test_a_changed_secret_gets_a_new_ciphertext_and_the_others_keep_theirs() -> None:
    one = codec()
    deployment = one.decode(STATE.read_text())
    provider = next(state for state in deployment.resources if state.is_provider)
    fields = one.fields(provider)
    provider.inputs["apiToken"] = Secret("y" * 40)
    changed = one.fields(provider)
    assert changed["outputs"] == fields["outputs"]
    assert changed["inputs"]["apiToken"] != fields["inputs"]["apiToken"]
    assert "y" * 40 not in json.dumps(changed)


def test_another_salt_or_passphrase_is_refused() -> None:
    with pytest.raises(StateUnreadable, match="encryption salt"):
        codec(salt=new_encryption_salt(PASSPHRASE)).decode(STATE.read_text())
    with pytest.raises(WrongPassphrase, match="passphrase is wrong"):
        codec(passphrase="another")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not json", "not a Pulumi checkpoint"),
        ('{"version": 4, "checkpoint": {}}', "version 4"),
        (
            '{"version": 3, "checkpoint": {"latest": {"secrets_providers": {"type": "cloud"}}}}',
            "'cloud'",
        ),
    ],
)
def test_a_state_that_is_none_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(StateUnreadable, match=why):
        codec().decode(text)


def test_a_stack_of_the_real_cli_is_taken_over(workspace: Workspace) -> None:
    workspace.program("stores")
    shutil.copytree(FIXTURE / "dot-pulumi", workspace.backend / ".pulumi")
    engine = workspace.engine()
    assert set(engine.outputs()) == {"version"}
    history = engine.history()
    assert [entry["message"] for entry in history] == ["second", ""]
    assert [entry["version"] for entry in history] == [2, 1]
    assert len(engine.export()["deployment"]["resources"]) == 13


def test_files_have_the_shape_and_the_places_of_the_real_ones(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.engine().up(message="first")
    mine = workspace.backend / ".pulumi"
    real = FIXTURE / "dot-pulumi"
    assert (mine / "meta.yaml").read_text() == (real / "meta.yaml").read_text()
    entry = json.loads(next(mine.glob("history/probe/dev/*.history.json")).read_text())
    theirs = json.loads(next(real.glob("history/probe/dev/*.history.json")).read_text())
    assert {key: type(value) for key, value in entry.items()} == {
        key: type(value) for key, value in theirs.items()
    }
    assert (entry["kind"], entry["message"], entry["result"]) == ("update", "first", "succeeded")
    assert set(entry["config"]["probe:apiKey"]) == {"secure"}
    checkpoint = next(mine.glob("history/probe/dev/*.checkpoint.json")).read_text()
    assert resources(checkpoint) == workspace.state()["resources"]
    document, real_document = json.loads(checkpoint), json.loads(STATE.read_text())
    assert set(document["checkpoint"]["latest"]) == set(real_document["checkpoint"]["latest"])
    by_type = {item["type"]: item for item in resources(STATE.read_text())}
    for item in resources(checkpoint):
        known = by_type[item["type"]]
        # The plugin's private note on nulls is the one thing that no stand-in needs to write.
        known["outputs"].pop("__pulumi_raw_state_delta", None)
        assert set(item) - {"dependencies"} == set(known) - {"dependencies"}, item["urn"]
        if item["custom"]:
            assert set(item["outputs"]) == set(known["outputs"]), item["urn"]


def test_a_compressed_state_is_refused(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.stack_file.parent.mkdir(parents=True)
    workspace.stack_file.with_name("dev.json.gz").touch()
    with pytest.raises(StateUnreadable, match="compressed"):
        workspace.engine().outputs()


def test_side_files_of_the_real_cli_do_not_outlive_a_write(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.stack_file.parent.mkdir(parents=True)
    side = workspace.stack_file.with_name("dev.json.attrs")
    side.write_text("{}")
    workspace.up()
    assert not side.exists()


def test_a_kept_key_opens_what_its_salt_and_passphrase_do_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "stack" / "dev.key"
    sealed = PassphraseSecrets(SALT, PASSPHRASE, key_file=file).encrypt("text")
    assert file.stat().st_mode & 0o777 == 0o600
    kept = file.read_text()
    assert PASSPHRASE not in kept
    assert PassphraseSecrets(SALT, PASSPHRASE, key_file=file).decrypt(sealed) == "text"
    with pytest.raises(WrongPassphrase):
        PassphraseSecrets(SALT, "another", key_file=file)
    for damaged in ("", "no key", kept[:-3], kept.replace(kept[-9:], "00000000\n")):
        file.write_text(damaged)
        assert PassphraseSecrets(SALT, PASSPHRASE, key_file=file).decrypt(sealed) == "text"
        assert file.read_text() == kept
    other = new_encryption_salt(PASSPHRASE)
    PassphraseSecrets(other, PASSPHRASE, key_file=file)
    assert PassphraseSecrets(SALT, PASSPHRASE).decrypt(sealed) == "text"


def test_a_kept_key_spares_the_next_process_the_derivation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dev.key"
    PassphraseSecrets(SALT, PASSPHRASE, key_file=file)

    def derive(*_: object) -> bytes:
        raise AssertionError("it is derived again")

    monkeypatch.setattr("engine.passphrase._derive_key", derive)
    PassphraseSecrets(SALT, PASSPHRASE, key_file=file)
