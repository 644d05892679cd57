"""What users get with the package: fixtures, types, a wheel."""

from __future__ import annotations

import ast
import email
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from notification_sdk import AsyncNotificationClient, NotificationClient
from notification_sdk.testing import FakeNotificationService
from tests.altered_project import copy_code

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "sdk"

USERS_TEST = """
import anyio


def remind(client, user):
    client.notify().to(user).via("lark").content("Rent is due", "Rent").send()


def test_a_reminder_is_sent(notification_service, notification_client):
    remind(notification_client, "ada")
    [sent] = notification_service.sent
    assert (sent.user_id, sent.channel, sent.content) == ("ada", "lark", "Rent is due")


def test_nothing_is_left_of_another_test(notification_service):
    assert notification_service.sent == []


def test_a_failure_is_survived_without_waiting(notification_service, notification_client):
    notification_service.fail_next(503, retry_after=50)
    remind(notification_client, "ada")
    assert len(notification_service.sent) == 1


def test_async(notification_service, async_notification_client):
    async def run():
        await async_notification_client.quick.lark("ada", "hi")

    anyio.run(run)
    assert notification_service.sent[0].content == "hi"
"""


def test_users_tests_get_a_service_without_a_network(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USERS_TEST)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=4)


def test_the_plugin_is_found_without_being_named() -> None:
    from importlib.metadata import entry_points

    names = {each.value for each in entry_points(group="pytest11")}
    assert "notification_sdk.pytest_plugin" in names


USERS_PROGRAM = """
from __future__ import annotations

from notification_sdk import (
    AsyncNotificationClient,
    NotificationClient,
    NotificationError,
    RateLimitError,
    SendResponse,
)


def send(client: NotificationClient, names: list[str]) -> str | None:
    variables: dict[str, str] = {"name": "Ada"}
    sent: SendResponse = client.send_notification(
        "ada", names, template_key="t", variables=variables
    )
    client.notify().to("ada").via("lark").content("x").send_and_continue().to("bob")
    for entry in client.logs.iterate(user_id="ada"):
        print(entry.created_at.isoformat(), entry.status)
    try:
        client.send_notification("ada", ["lark"], custom_content={"content": "x"})
    except RateLimitError as error:
        print(error.retry_after)
    except NotificationError as error:
        print(error.code)
    return sent.results[0].error


async def later(client: AsyncNotificationClient) -> int:
    async for template in client.templates.iterate():
        print(template.key, template.channels)
    return len((await client.quick.lark("ada", "x")).results)
"""
WRONG = """
from notification_sdk import NotificationClient

client = NotificationClient("https://n.example", api_key=1)
client.send_notification("ada", ["lark"], custom_content={"text": "x"})
client.presets.alert("ada", "terrible", "t", "m")
length: int = client.quick.lark("ada", "x")
"""


def checked(file: Path, text: str) -> subprocess.CompletedProcess[str]:
    file.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(file.parent / "cache"), file],
        cwd=file.parent,
        env={**os.environ, "MYPYPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_users_program_passes_mypy_strict(tmp_path: Path) -> None:
    result = checked(tmp_path / "program.py", USERS_PROGRAM)
    assert result.returncode == 0, result.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert (SDK / "notification_sdk" / "py.typed").exists()


def test_a_users_mistakes_are_found_by_mypy(tmp_path: Path) -> None:
    result = checked(tmp_path / "wrong.py", WRONG)
    found = {line.split(":")[1] for line in result.stdout.splitlines() if "error:" in line}
    assert found == {"4", "5", "6", "7"}, result.stdout


def built_wheel(folder: Path) -> Path:
    # A build in place would leave a folder that later wheels take files from.
    source = folder / "source"
    copy_code(SDK, source)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
            "--wheel-dir", folder, source,
        ],
        check=True,
        timeout=300,
    )  # fmt: skip
    [wheel] = folder.glob("notification_sdk-*.whl")
    return wheel


def test_the_wheel_says_what_it_is(tmp_path: Path) -> None:
    """Its licence, its readme, and what it needs: everything that it imports."""
    with zipfile.ZipFile(built_wheel(tmp_path)) as wheel:
        folder = next(name for name in wheel.namelist() if name.endswith("/METADATA"))[:-8]
        about = email.message_from_bytes(wheel.read(f"{folder}METADATA"))
        licence = wheel.read(f"{folder}licenses/LICENSE")
        modules = [wheel.read(name) for name in wheel.namelist() if name.endswith(".py")]
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert str(about.get_payload()).strip() == (SDK / "README.md").read_text().strip()
    assert "Typing :: Typed" in about.get_all("Classifier", [])
    needed = {re.split(r"[<>=;]", each)[0].strip() for each in about.get_all("Requires-Dist", [])}
    imported = set()
    for each in ast.walk(ast.Module([s for m in modules for s in ast.parse(m).body], [])):
        if isinstance(each, ast.Import):
            imported |= {name.name.partition(".")[0] for name in each.names}
        elif isinstance(each, ast.ImportFrom) and not each.level:
            imported.add(str(each.module).partition(".")[0])
    own = {"notification_sdk", "pytest"}
    assert imported - sys.stdlib_module_names - own == needed


@pytest.mark.soak
def test_the_wheel_works_in_a_venv_of_its_own(tmp_path: Path) -> None:
    wheel = built_wheel(tmp_path / "wheels")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True, timeout=300
    )
    # Its dependencies come from this project's packages: a folder that is named in a .pth file is
    # searched after the venv's own, and the .pth files in it aren't read.
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    import httpx

    Path(site, "dependencies.pth").write_text(f"{Path(httpx.__file__).parents[1]}\n")
    program = (
        "import notification_sdk, notification_sdk.testing as t, pathlib;"
        "print(notification_sdk.__file__);"
        "s = t.FakeNotificationService(); s.client().quick.lark('ada', 'hi');"
        "print(s.sent[0].content);"
        "print((pathlib.Path(notification_sdk.__file__).parent / 'py.typed').exists())"
    )
    out = subprocess.run(
        [python, "-I", "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    assert Path(out[0]).is_relative_to(tmp_path / "venv")
    assert out[1:] == ["hi", "True"]


def test_the_fake_takes_only_what_is_signed_with_its_key() -> None:
    from notification_sdk import AuthenticationError

    service = FakeNotificationService("one key")
    for key in ("", "another"):
        client = NotificationClient("https://n.example", key, transport=service.transport())
        with pytest.raises(AuthenticationError):
            client.logs.query()
    assert (
        NotificationClient("https://n.example", "", transport=service.transport()).health().healthy
    )
    assert isinstance(service.async_client(), AsyncNotificationClient)
