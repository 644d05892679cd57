"""Project and config files are read as the CLI reads them, or refused with what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import encrypt_config_value, new_encryption_salt
from engine.errors import StateUnreadable
from engine.passphrase import PassphraseSecrets
from engine.stack_config import Project, StackConfig

PROJECT = """\
name: p
runtime: {name: python}
main: app
config:
  plain: 3
  given: {default: x}
  other:key: {value: v}
  needed: {type: string}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "app").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    return Project.load(tmp_path)


def config_of(project: Project, text: str) -> StackConfig:
    file = project.root / "Pulumi.dev.yaml"
    file.write_text(text)
    return StackConfig.load(file, project)


def test_the_projects_defaults_hold_where_the_stack_sets_nothing(project: Project) -> None:
    assert (project.name, project.program) == ("p", project.root / "app")
    assert project.defaults == {"p:plain": 3, "p:given": "x", "other:key": "v"}
    config = config_of(project, "encryptionsalt: s\nconfig: {plain: 4, needed: n}\n")
    assert config.encryption_salt == "s"
    assert config.raw == {"p:plain": "4", "p:given": "x", "other:key": "v", "p:needed": "n"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", "true"),
        ("False", "false"),
        ("0012", "10"),
        ("1.0", "1"),
        ("1.5", "1.5"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("999999.0", "999999"),
        ("999999.5", "999999.5"),
        ("1000000.0", "1e+06"),
        ("1234567.0", "1.234567e+06"),
        ("-1234567.5", "-1.2345675e+06"),
        ("608863452348.1149", "6.088634523481149e+11"),
        ("-0.0", "-0"),
        (".inf", ".inf"),
        ("-.inf", "-.inf"),
        (".nan", ".nan"),
        ("2026-11-29", "2026-11-29"),
        ("", ""),
        ('"text: x"', "text: x"),
    ],
)
def test_a_value_becomes_the_text_that_the_cli_makes_of_it(
    project: Project, written: str, read: str
) -> None:
    assert config_of(project, f"encryptionsalt: s\nconfig:\n  k: {written}\n").raw["p:k"] == read


def test_a_secret_inside_an_object_makes_the_whole_key_secret(project: Project) -> None:
    salt = new_encryption_salt("pass")
    sealed = encrypt_config_value("hidden", passphrase="pass", salt=salt)
    config = config_of(
        project,
        f"encryptionsalt: {salt}\nconfig:\n  alone: {{secure: '{sealed}'}}\n"
        f"  inside: {{list: [{{secure: '{sealed}'}}, é]}}\n  plain: {{a: [1, true]}}\n",
    )
    values, secret = config.decrypted(PassphraseSecrets(salt, "pass"))
    assert secret == {"p:alone", "p:inside"}
    assert values["p:alone"] == "hidden"
    assert values["p:inside"] == '{"list":["hidden","é"]}'
    assert values["p:plain"] == '{"a":[1,true]}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("config: {}\n", "has no encryptionsalt"),
        ("encryptionsalt: s\nenvironment: [team]\n", "imports an environment"),
        ("encryptionsalt: s\nconfig: {a: [\n", r"is not valid YAML \(line 3\)"),
        ("- a\n", "holds no mapping"),
    ],
)
def test_a_config_file_that_cannot_be_used_is_refused(
    project: Project, text: str, why: str
) -> None:
    with pytest.raises(StateUnreadable, match=why):
        config_of(project, text)


def test_a_project_of_another_kind_is_refused(project: Project) -> None:
    file = project.root / "Pulumi.yaml"
    for text, why in (
        ("runtime: python\n", "must name a project"),
        ("name: p\nruntime: nodejs\n", "runs no other language"),
        ("name: p\nruntime: python\nmain: nowhere\n", "nowhere, which .* is not there"),
    ):
        file.write_text(text)
        with pytest.raises(StateUnreadable, match=why):
            Project.load(project.root)
    file.unlink()
    with pytest.raises(StateUnreadable, match="run from the project's folder"):
        Project.load(project.root)


@pytest.mark.parametrize(
    "text",
    [
        *("config: 5", "config: [a]", "config: x", "config: {1: a}", "config: {null: a}"),
        *("config: {a: &x [*x]}", f"config: {{a: {'[' * 3000}{']' * 3000}}}"),
    ],
)
def test_a_config_of_another_shape_is_refused(project: Project, text: str) -> None:
    with pytest.raises(StateUnreadable, match=r"Pulumi\.dev\.yaml"):
        config_of(project, f"encryptionsalt: s\n{text}\n")


@pytest.mark.parametrize("line", ["main: 5", "main: [a]", 'main: "a\\0b"', "config: {1: 2}"])
def test_a_project_of_another_shape_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: p\nruntime: python\n{line}\n")
    with pytest.raises(StateUnreadable, match=r"Pulumi\.yaml"):
        Project.load(tmp_path)


@pytest.mark.parametrize("text", ["v1:\xe9:AAAA", "v1:AAAA:AAAA", "v1:A:AAAA", "v1:AAAA", "[1]"])
def test_a_malformed_secret_is_named(project: Project, text: str) -> None:
    salt = new_encryption_salt("passphrase")
    config = config_of(project, f"encryptionsalt: {salt}\nconfig: {{a: {{secure: '{text}'}}}}\n")
    with pytest.raises(StateUnreadable, match="A secret in the stack's files"):
        config.decrypted(PassphraseSecrets(salt, "passphrase"))


def test_a_passphrase_in_another_encoding_keeps_its_bytes() -> None:
    passphrase = b"gr\xfcn".decode("utf-8", "surrogateescape")  # as the environment gives it
    salt = new_encryption_salt(passphrase)
    assert PassphraseSecrets(salt, passphrase).salt == salt
