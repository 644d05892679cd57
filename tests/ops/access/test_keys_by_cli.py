"""Secrets of a stack without a passphrase: the CLI encrypts them, given on its input alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.settings.key_dates import key_fingerprint
from ops.access.keys import key_file
from tests.ops.access.test_keys import config, keys, template

# Notes its arguments and what it is given, and sets the key as the CLI does: in a project alone.
STAND_IN = """\
#!{python}
import json, sys, pathlib
if not pathlib.Path("Pulumi.yaml").is_file():
    sys.exit("error: no Pulumi.yaml project file found")
given = sys.stdin.read()
with open({calls!r}, "a") as calls:
    calls.write(json.dumps([sys.argv[1:], given]) + "\\n")
if {refuse}:
    sys.exit("error: the key service can't be reached")
file = pathlib.Path(sys.argv[sys.argv.index("--config-file") + 1])
key = sys.argv[4]
file.write_text(
    file.read_text() + "  notification-system:%s:\\n    secure: c2VhbGVk\\n" % key
)
"""
CLOUD = "secretsprovider: awskms://alias/notification\n"


def without_passphrase(folder: Path, monkeypatch: pytest.MonkeyPatch, *, refuse: bool) -> Path:
    """A file of a stack whose secrets a key service encrypts, and a CLI that can."""
    bin_ = folder / "bin"
    bin_.mkdir()
    calls = folder / "calls"
    calls.touch()
    tool = bin_ / "pulumi"
    tool.write_text(STAND_IN.format(python=sys.executable, calls=str(calls), refuse=refuse))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_))
    path = template(folder)
    path.write_text(f"{CLOUD}{path.read_text()}")
    return path


def calls(folder: Path) -> list[tuple[list[str], str]]:
    lines = (folder / "calls").read_text().splitlines()
    return [(arguments, given) for arguments, given in map(json.loads, lines)]


@pytest.mark.requirement("S0-24", "S0-25", "S0-29")
def test_the_cli_gets_each_secret_on_its_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = without_passphrase(tmp_path, monkeypatch, refuse=False)

    result = keys("generate", "--stack", "production", "--set", file=path)

    assert result.returncode == 0, result.stderr
    (first, api), (second, encrypt) = calls(tmp_path)
    assert [first[:4], second[:4]] == [
        ["config", "set", "--secret", key] for key in ("apiSecretKey", "encryptKey")
    ]
    assert first[first.index("--stack") + 1] == "production"
    assert re.fullmatch(r"[0-9a-f]{64}", api)
    assert re.fullmatch(r"[A-Za-z0-9]{32}", encrypt)
    shown = result.stdout + result.stderr + path.read_text() + json.dumps([first, second])
    assert api not in shown
    assert encrypt not in shown
    found = config(path)
    assert found["apiSecretKey"] == {"secure": "c2VhbGVk"}
    assert found["keyFingerprints"] == {
        "apiSecretKey": key_fingerprint("apiSecretKey", api),
        "encryptKey": key_fingerprint("encryptKey", encrypt),
    }
    assert {"apiSecretKeySetOn", "encryptKeySetOn"} <= set(found)


def test_a_cli_that_refuses_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = without_passphrase(tmp_path, monkeypatch, refuse=True)
    before = path.read_text()
    result = keys("generate", "--stack", "production", "--set", file=path)
    assert result.returncode == 4
    assert "the key service can't be reached" in result.stderr
    assert calls(tmp_path)[0][1] not in result.stderr
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import time; time.sleep(60)", "gave no answer within 0.5 s"),
        ("import sys; sys.stdout.buffer.write(bytes([255]))", "didn't print text in UTF-8"),
    ],
)
def test_a_cli_that_hangs_or_prints_no_text_is_told_without_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    path = without_passphrase(tmp_path, monkeypatch, refuse=False)
    (tmp_path / "bin" / "pulumi").write_text(f"#!{sys.executable}\n{body}\n")
    monkeypatch.setattr(key_file, "LIMIT_S", 0.5)
    result = keys("generate", "--stack", "production", "--set", "apiSecretKey", file=path)
    assert (result.returncode, words in result.stderr) == (4, True), result.stderr


@pytest.mark.parametrize("passphrase", [None, ""])
def test_without_passphrase_and_without_the_cli_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    path = template(tmp_path)
    before = path.read_text()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = keys("generate", "--stack", "production", "--set", file=path, passphrase=passphrase)
    assert result.returncode == 3
    assert "PULUMI_CONFIG_PASSPHRASE" in result.stderr
    assert path.read_text() == before


@pytest.mark.real_pulumi
@pytest.mark.parametrize("elsewhere", [False, True], ids=["in the project", "elsewhere"])
def test_the_real_cli_sets_what_it_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    # To the CLI an empty passphrase is one; the project leaves such a file to it.
    project, other = tmp_path / "project", tmp_path / "other"
    for folder in (tmp_path / "state", project / "infra", other):
        folder.mkdir(parents=True)
    for name, value in {
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    (project / "Pulumi.yaml").write_text("name: notification-system\nruntime: python\n")
    monkeypatch.chdir(project / "infra")
    path = template(other if elsewhere else project)
    pulumi("stack", "init", "production", folder=project)
    of_the_stack = sorted(file.name for file in project.iterdir())

    result = keys("generate", "--stack", "production", "--set", file=path, passphrase="")

    assert result.returncode == 0, result.stderr
    read = ("config", "get", "apiSecretKey", "--stack", "production", "--config-file", str(path))
    api = pulumi(*read, folder=project)
    assert re.fullmatch(r"[0-9a-f]{64}", api)
    assert config(path)["keyFingerprints"]["apiSecretKey"] == key_fingerprint("apiSecretKey", api)
    assert set(yaml.safe_load(path.read_text())["config"]["notification-system:encryptKey"]) == {
        "secure"
    }
    assert sorted(file.name for file in project.iterdir()) == of_the_stack
    assert all(api not in file.read_text() for file in (*project.glob("*.yaml"), path))


def pulumi(*arguments: str, folder: Path) -> str:
    command = ["pulumi", *arguments, "--non-interactive"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
