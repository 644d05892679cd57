"""``notifyctl doctor`` for a stack of an account, on machines that lack one thing or another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from ops.access.keys.key_file import KeyFile
from ops.observe.doctor.signature import Signature
from ops.observe.doctor.tools import look_at_python
from tests.infra.test_stack_settings import stack_file
from tests.installation import NOTIFYCTL, ROOT

LOGGED_OUT = """#!/bin/sh
case "$1" in
version) echo v{version};;
*) echo "error: nobody is logged in" >&2; exit 255;;
esac
"""


class Machine:
    """A machine whose PATH has what a test puts there."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("node", "git"):
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.file = stack_file(folder, **settings)
        self.environment = {
            "PATH": str(self.bin),
            "NOTIFYCTL_CONFIG_FILE": str(self.file),
            "NOTIFYCTL_PULUMI": "path",
        }

    def program(self, name: str, text: str) -> None:
        """Put a shell script on PATH, in place of what was there."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def doctor(self, **environment: str) -> tuple[int, dict[str, dict[str, str]], str]:
        """The exit code, the outcomes by the name of their check, and standard error."""
        result = subprocess.run(
            [str(NOTIFYCTL), "doctor", "--stack", "production", "--json"],
            cwd=ROOT,
            env={"HOME": os.environ["HOME"], **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        document = json.loads(result.stdout)
        return result.returncode, {one["check"]: one for one in document["checks"]}, result.stderr


@pytest.mark.requirement("S0-03")
def test_an_old_or_a_missing_tool_ends_with_3_and_how_to_install_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("node", "#!/bin/sh\necho v18.19.0\n")
    code, found, said = machine.doctor()
    assert code == 3
    assert found["node"]["found"] == "18.19.0 is too old; 20 or newer is needed"
    assert "Install Node 20" in said
    assert "there is no 'pulumi' on PATH; 3.238 or newer" in found["pulumi"]["found"]
    assert "pulumi.com/docs/install" in found["pulumi"]["advice"]


@pytest.mark.requirement("S0-03")
def test_the_interpreter_is_checked_as_well() -> None:
    assert look_at_python((3, 12, 1)).result == "ok"
    for version in ((3, 10, 9), (3, 14, 0)):
        outcome = look_at_python(version)
        assert outcome.result == "fail"
        assert "Install Python" in outcome.advice


@pytest.mark.requirement("S0-31", "S0-53", "S0-55")
def test_what_was_pasted_wrongly_is_named_and_no_value_is_shown(tmp_path: Path) -> None:
    machine = Machine(tmp_path, apiSecretkey={"secure": "v1:a:b"}, apiSecretKey=None)
    machine.program("pulumi", LOGGED_OUT.format(version="3.255.0"))
    code, found, said = machine.doctor(CLOUDFLARE_API_TOKEN="pasted-badly \n")
    assert code == 1
    assert "CLOUDFLARE_API_TOKEN" in found["environment"]["found"]
    assert found["token"]["found"] == "The token is malformed"
    assert "did you mean apiSecretKey?" in found["secrets"]["found"]
    assert "nobody is logged in" in found["state"]["found"]
    assert "pulumi login" in found["state"]["advice"]
    assert "pasted-badly" not in json.dumps(found) + said


@pytest.mark.requirement("S0-31", "S0-55")
def test_a_space_inside_an_encrypted_secret_is_found_by_its_name(tmp_path: Path) -> None:
    machine = Machine(tmp_path, apiSecretKey=None, encryptKey=None)
    machine.program("pulumi", LOGGED_OUT.format(version="3.255.0"))
    secrets = {"apiSecretKey": "a1" * 32, "encryptKey": "b" * 31 + " "}
    file = KeyFile(machine.file, "production", root=ROOT, passphrase="of the test")
    file.write(secrets, {})
    _, found, _ = machine.doctor(PULUMI_CONFIG_PASSPHRASE="of the test")
    assert found["secrets"]["result"] == "fail"
    assert found["secrets"]["found"].startswith("encryptKey: it has a space, a newline")
    assert "apiSecretKey" not in found["secrets"]["found"]
    # Without the passphrase nobody knows, and that is said.
    _, found, _ = machine.doctor()
    assert found["secrets"]["result"] == "warn"


class Answering:
    """A service with a clock of its own."""

    def __init__(self, date: str | None, status: int = 200, code: str = "") -> None:
        self.date, self.status, self.code = date, status, code

    def call(self, _method: str, _path: str) -> Any:
        import httpx

        headers = {"Date": self.date} if self.date else {}
        return httpx.Response(self.status, headers=headers, json={"code": self.code})


@pytest.mark.requirement("S0-58")
@pytest.mark.parametrize(
    ("key", "ahead", "code", "failed"),
    [
        ("a1" * 32, 0, "", []),
        ("a1" * 31, 0, "INVALID_SIGNATURE", ["key", "signed call"]),
        ("a1" * 31 + "1\n", 0, "INVALID_SIGNATURE", ["key", "signed call"]),
        ("a1" * 32, 3600, "REQUEST_EXPIRED", ["clock", "signed call"]),
        ("a1" * 32, -3600, "REQUEST_EXPIRED", ["clock", "signed call"]),
    ],
)
def test_key_and_clock_are_judged_before_the_call(
    key: str, ahead: int, code: str, failed: list[str]
) -> None:
    noon = 1_795_348_800
    service: Any = Answering(formatdate(noon, usegmt=True), 401 if code else 200, code)
    found = list(Signature(service, service, key=key, now=lambda: noon + ahead).outcomes())
    assert [one.check for one in found if one.result == "fail"] == failed
    assert all(one.advice for one in found if one.result == "fail")
    clock = next(one for one in found if one.check == "clock")
    assert f"{abs(ahead - 0.5):.0f} s {'ahead of' if ahead > 0 else 'behind'}" in clock.found
    assert key not in "".join(one.found + one.advice for one in found)
