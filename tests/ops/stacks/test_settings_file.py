from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import StackFile
from infra.settings.values import is_loopback
from ops.stacks.context import read_stack_file
from ops.stacks.errors import UsageError


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8787/client/v4",
        "http://localhost:8787",
        "http://[::1]:8787/",
        "https://127.8.9.1/",
    ],
)
def test_loopback_urls_are_known(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.cloudflare.com/client/v4",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://127.0.0.1@example.com/",
        "ftp://127.0.0.1/",
        "127.0.0.1:8787",
        "",
    ],
)
def test_everything_else_is_off_this_machine(url: str) -> None:
    assert not is_loopback(url)


def write(folder: Path, text: str) -> StackFile:
    path = folder / "Pulumi.x.yaml"
    path.write_text(text)
    return read_stack_file(path)


def test_a_stack_without_a_base_url_talks_to_cloudflare(tmp_path: Path) -> None:
    assert not write(tmp_path, "config: {}\n").is_loopback


def test_one_endpoint_off_this_machine_makes_the_stack_remote(tmp_path: Path) -> None:
    stack = write(
        tmp_path,
        "config:\n"
        "  cloudflare:baseUrl: http://127.0.0.1:8787/client/v4\n"
        "  github:baseUrl: https://api.github.com/\n",
    )
    assert not stack.is_loopback


def test_broken_yaml_is_named_by_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Pulumi\.x\.yaml: it isn't valid YAML in line 2"):
        write(tmp_path, "config:\n  a: b: c\n")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mapping 'config'"):
        write(tmp_path, "config: 3\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"config:\n  notification-system:apiSecretKeySetOn: 2026-02-30\n",
            "'2026-02-30' in line 2 is no date or time",
        ),
        (
            b"config:\n  notification-system:accountId: !!int x\n",
            "'x' in line 2 is no whole number",
        ),
        (b"config: [\n", "isn't valid YAML in line"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"config: 5\n", "no mapping 'config'"),
        (b"- 1\n", "no mapping 'config'"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"Pulumi\.x\.yaml[\s\S]*{reason}"):
        read_stack_file(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read_stack_file(tmp_path / "Pulumi.y.yaml")
    (tmp_path / "Pulumi.y.yaml").mkdir()
    with pytest.raises(UsageError, match=r"Pulumi\.y\.yaml[\s\S]*Is a directory"):
        read_stack_file(tmp_path / "Pulumi.y.yaml")


def test_an_empty_file_has_no_settings(tmp_path: Path) -> None:
    assert write(tmp_path, "").config == {}
    assert write(tmp_path, "config:\n").config == {}
