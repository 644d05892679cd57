"""Each check before a deployment passes where all is well, and fails where it isn't."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.passphrase import encrypt_config_value, new_encryption_salt
from ops.access.checks.outcome import Outcome
from ops.access.checks.stack_secrets import StackSecrets
from ops.access.keys.key_file import PASSPHRASE_VARIABLE, KeyFile
from ops.deploy.preflight.code_checks import (
    QUICK_TESTS,
    TYPED,
    look_at_tests,
    look_at_types,
)
from ops.deploy.preflight.confirmations import CONFIRMATIONS, Confirmations
from ops.deploy.preflight.dependencies import look_at_dependencies
from ops.deploy.preflight.preflight import look_at_work_tree
from ops.stacks.errors import UsageError
from ops.stacks.local_stack import LocalStack
from tests.infra.test_stack_settings import stack_file
from tests.ops.contexts import context_of

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(folder: Path, *arguments: str) -> None:
    names = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with one commit that its remote has."""
    git(tmp_path, "init", "--quiet", "--bare", "remote")
    git(tmp_path, "clone", "--quiet", "remote", "clone")
    folder = tmp_path / "clone"
    (folder / "file").write_text("text")
    git(folder, "add", "file")
    git(folder, "commit", "--quiet", "-m", "First")
    git(folder, "push", "--quiet", "origin", "HEAD")
    return folder


@pytest.mark.requirement("S0-64")
def test_the_work_tree_is_clean_and_known_to_the_remote_or_it_is_said(clone: Path) -> None:
    assert look_at_work_tree(clone).result == "ok"
    git(clone, "commit", "--quiet", "--allow-empty", "-m", "Second")
    unpushed = look_at_work_tree(clone)
    assert (unpushed.result, "git push" in unpushed.advice) == ("warn", True)
    (clone / "file").write_text("changed")
    (clone / "new").write_text("x")
    changed = look_at_work_tree(clone)
    assert changed.result == "fail"
    assert changed.found.endswith(": file, new")
    assert look_at_work_tree(clone.parent).result == "fail"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder whose installation is what its locks say."""
    import httpx

    for name in ("installation/venv", "node_modules/left", "worker", "scripts", "sdk"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".venv").symlink_to("installation/venv")
    (tmp_path / "requirements.lock").write_text(
        f"httpx=={httpx.__version__} \\\n    --hash=sha256:0\n"
        "colorama==0.1 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n"
    )
    packages = {
        "": {},
        "node_modules/left": {"version": "1.2.3"},
        "node_modules/other": {"version": "1.0.0", "optional": True},
    }
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))
    (tmp_path / "node_modules/left/package.json").write_text('{"version": "1.2.3"}')
    stamped = (
        "worker/requirements.txt",
        "scripts/bootstrap",
        "pyproject.toml",
        "sdk/pyproject.toml",
    )
    for name in stamped:
        (tmp_path / name).write_text(name)
    stamp(tmp_path)
    return tmp_path


def stamp(folder: Path) -> None:
    """End the installation by the very line of scripts/bootstrap."""
    [line] = [
        text
        for text in (ROOT / "scripts/bootstrap").read_text().splitlines()
        if text.startswith("locks() {")
    ]
    script = f"{line}\nlocks | cksum >installation/complete"
    subprocess.run(["sh", "-c", script], cwd=folder, check=True)


@pytest.mark.requirement("S0-64")
def test_dependencies_are_those_of_the_locks_and_of_the_last_installation(installed: Path) -> None:
    assert look_at_dependencies(installed) == Outcome.ok(
        "dependencies", "every package has its locked version"
    )
    (installed / "pyproject.toml").write_text("changed")
    assert "the locks have changed" in look_at_dependencies(installed).found
    stamp(installed)
    (installed / "node_modules/left/package.json").write_text('{"version": "1.2.4"}')
    assert look_at_dependencies(installed).found == "left is 1.2.4, not 1.2.3"
    lock = installed / "requirements.lock"
    lock.write_text("httpx==0.0.1 \\\n    --hash=sha256:0\nabsent-package==1.0\n")
    found = look_at_dependencies(installed)
    assert found.result == "fail"
    assert ", not 0.0.1; absent-package 1.0 isn't installed; left" in found.found
    assert found.advice.endswith("make install")


@pytest.mark.requirement("S0-64")
def test_types_and_unit_tests_pass_or_fail_by_what_they_find(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("number: int = 1\n")
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n")
    assert look_at_types(tmp_path, ["code.py"]).result == "ok"
    passed = look_at_tests(tmp_path, ["test_it.py"])
    assert (passed.result, "1 passed" in passed.found) == ("ok", True)
    (tmp_path / "code.py").write_text("number: int = 'one'\n")
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert False\n")
    types = look_at_types(tmp_path, ["code.py"])
    assert (types.result, "code.py:1: error" in types.found) == ("fail", True)
    tests = look_at_tests(tmp_path, ["test_it.py"])
    assert (tests.result, "1 failed" in tests.found) == ("fail", True)
    assert "test_it.py::test_it" in tests.found


def test_the_quick_tests_are_there() -> None:
    assert [name for name in (*QUICK_TESTS, *TYPED) if not (ROOT / name).exists()] == []


@pytest.mark.requirement("S0-64", "S0-49")
def test_settings_and_secrets_are_judged_each_by_itself(tmp_path: Path) -> None:
    path = stack_file(tmp_path)

    def found() -> dict[str, Outcome]:
        context = context_of(ROOT, "production", home=tmp_path / "home", file=path)
        return {one.check: one for one in StackSecrets(context).outcomes()}

    assert found()["settings"].result == "ok"
    stack_file(tmp_path, accountId="PLACEHOLDER_ACCOUNT", retryBatchSize=101)
    wrong = found()["settings"]
    assert wrong.result == "fail"
    assert "accountId" in wrong.found
    assert "retryBatchSize" in wrong.found
    stack_file(tmp_path, encryptKey=None)
    assert "encryptKey: exactly 32 letters and digits" in found()["secrets"].found


def test_a_secret_that_was_set_without_its_day_leads_to_the_command_that_records_it(
    tmp_path: Path,
) -> None:
    passphrase = "correct horse"
    salt = new_encryption_salt(passphrase)

    def secrets(**values: str) -> Outcome:
        settings: dict[str, Any] = {
            key: {"secure": encrypt_config_value(value, passphrase=passphrase, salt=salt)}
            for key, value in values.items()
        }
        settings["keyFingerprints"] = {"apiSecretKey": "0123456789abcdef"}
        path = stack_file(tmp_path, **settings)
        path.write_text(f"{path.read_text()}encryptionsalt: {salt}\n")
        environment = {PASSPHRASE_VARIABLE: passphrase}
        context = context_of(tmp_path, "production", file=path, environment=environment)
        [_, found, _] = StackSecrets(context).outcomes()
        return found

    (tmp_path / "infra").mkdir()
    changed = secrets(apiSecretKey="1f" * 32, encryptKey="b" * 32)
    assert (changed.result, "was changed without its date" in changed.found) == ("fail", True)
    assert changed.advice.endswith("record it: notifyctl keys record --stack production")
    broken = secrets(apiSecretKey="1f" * 32, encryptKey="short")
    assert "set it again" in broken.advice


@pytest.mark.requirement("S0-27")
def test_a_secret_that_two_stacks_share_closes_the_gate(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    prints = {"apiSecretKey": "0123456789abcdef"}
    context = context_of(tmp_path, "production", file=stack_file(tmp_path, keyFingerprints=prints))
    [settings, secrets, _] = StackSecrets(context).outcomes()
    assert (settings.result, "the same secret" in secrets.found) == ("ok", False)
    stack_file(tmp_path, "staging", keyFingerprints=prints)
    [_, secrets, _] = StackSecrets(context).outcomes()
    assert secrets.result == "fail"
    assert "apiSecretKey: the same secret as in Pulumi.staging.yaml" in secrets.found


@pytest.mark.requirement("S0-65")
def test_all_five_confirmations_are_asked_for(tmp_path: Path) -> None:
    assert len(CONFIRMATIONS) == 5

    def given(*names: str, file: Path | None = None) -> Outcome:
        return Confirmations(names, file=file, root=tmp_path, commit=COMMIT).look()

    assert given("all").result == "ok"
    assert given(*CONFIRMATIONS).result == "ok"
    for name in CONFIRMATIONS:
        missing = given(*(other for other in CONFIRMATIONS if other != name))
        assert missing.result == "fail"
        assert missing.found.startswith(f"not confirmed: {name} (")
    with pytest.raises(UsageError, match="doesn't know sober"):
        given("sober")


@pytest.mark.requirement("S0-65")
def test_a_checklist_counts_for_the_commit_that_it_was_signed_for(tmp_path: Path) -> None:
    file = tmp_path / "deployment-checklist.yaml"

    def signed(commit: str, **changed: bool) -> Outcome:
        answers = dict.fromkeys(CONFIRMATIONS, True) | changed
        document = {"commit": commit, "signedOffBy": "Ann", **answers}
        file.write_text(json.dumps(document))
        return Confirmations((), file=None, root=tmp_path, commit=COMMIT).look()

    assert signed(COMMIT[:12]).found == "all five are given in deployment-checklist.yaml by Ann"
    assert "informed" in signed(COMMIT, informed=False).found
    stale = signed("f" * 40)
    assert stale.result == "fail"
    assert "signed off for commit ffff" in stale.found
    file.write_text("- no mapping")
    with pytest.raises(UsageError, match="isn't a checklist"):
        Confirmations((), file=file, root=tmp_path, commit=COMMIT).look()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"on: 2026-02-30", b"[", b"- tested", b""])
def test_a_checklist_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "list.yaml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"list\.yaml isn't a checklist"):
        Confirmations([], file=file, root=tmp_path, commit=COMMIT).look()


def test_without_a_commit_no_checklist_is_signed_for_it(tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    file.write_text("".join(f"{name}: true\n" for name in CONFIRMATIONS))
    assert Confirmations([], file=file, root=tmp_path, commit="").look().result == "fail"


def test_a_work_tree_that_git_cannot_compare_is_not_clean(clone: Path) -> None:
    (clone / ".git" / "index").write_bytes(b"no index")
    found = look_at_work_tree(clone)
    assert (found.result, "git status" in found.found) == ("fail", True)


def local_secrets(folder: Path, **settings: object) -> dict[str, Outcome]:
    """What is said of a local stack whose rendered file somebody has changed."""
    context = context_of(ROOT, "local", home=folder)
    rendered = LocalStack.prepare(context).config_file
    document = yaml.safe_load(rendered.read_text())
    document["config"] |= settings
    rendered.write_text(yaml.safe_dump(document))
    return {one.check: one for one in StackSecrets(context).outcomes()}


def test_a_secret_that_is_damaged_is_told_and_ends_nothing(tmp_path: Path) -> None:
    assert local_secrets(tmp_path)["secrets"].result == "ok"
    damaged = {"notification-system:metricsToken": {"secure": "v1:AAAAAAAAAAAAAAAA:AAAA"}}
    found = local_secrets(tmp_path, **damaged)["secrets"]
    assert (found.result, "can't be read here" in found.found) == ("warn", True)


def test_a_secret_of_another_provider_is_none_of_the_services(tmp_path: Path) -> None:
    path = stack_file(tmp_path, apiSecretKey=None, encryptKey=None)
    file = KeyFile(path, "production", root=ROOT, passphrase="p" * 20)
    file.write({"apiSecretKey": "a1" * 32, "encryptKey": "b" * 32}, {})

    def found() -> Outcome:
        environment = {"PULUMI_CONFIG_PASSPHRASE": "p" * 20}
        context = context_of(
            ROOT, "production", home=tmp_path / "home", file=path, environment=environment
        )
        return {one.check: one for one in StackSecrets(context).outcomes()}["secrets"]

    assert found().result == "ok", found()
    theirs = "config:\n  aws:token: {secure: v1:A:A}\n"
    path.write_text(path.read_text().replace("config:\n", theirs))
    assert found().result == "ok", found()
    file.write({"metricsToken": "too short"}, {})
    assert "metricsToken" in found().found


@pytest.mark.parametrize("content", ["", "{", "[" * 3])
def test_a_package_that_was_half_written_is_not_installed(installed: Path, content: str) -> None:
    (installed / "node_modules/left/package.json").write_text(content)
    assert look_at_dependencies(installed).found == "left 1.2.3 isn't installed"


def test_many_differences_are_counted_and_some_are_named(installed: Path) -> None:
    packages = {f"node_modules/p{number}": {"version": "1.0.0"} for number in range(7)}
    (installed / "package-lock.json").write_text(json.dumps({"packages": packages}))
    found = look_at_dependencies(installed).found
    assert found.startswith("p0 1.0.0 isn't installed; p1 ")
    assert found.endswith("p4 1.0.0 isn't installed and 2 more")
    del packages["node_modules/p5"], packages["node_modules/p6"]
    (installed / "package-lock.json").write_text(json.dumps({"packages": packages}))
    assert "more" not in look_at_dependencies(installed).found
