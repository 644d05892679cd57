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
