"""A project folder with one of the test programs, and an engine for it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import EmbeddedEngine, EngineEvent, UpdateResult, encrypt_config_value
from tests.altered_project import rewrite
from tests.engine.fake_cloudflare import ACCOUNT, TOKEN, FakeCloudflare

PASSPHRASE = "correct-horse"
#: Of the real state directory in fixtures/pulumi-state, so that one salt serves all tests.
SALT = "v1:pzqhG/fk7Ik=:v1:0nDr8Amq0PQeLvxD:2wIMkMtHeTtaT5dv1sAOu/UNQ6nYwg=="
CANARY = "canary-secret-7f3a9"
_PROGRAMS = Path(__file__).with_name("programs")


class Workspace:
    """Everything an operation needs, in a folder of the test's own."""

    def __init__(self, folder: Path, api: FakeCloudflare, *, project: str = "probe") -> None:
        self.folder = folder
        self.api = api
        self.project = project
        self.backend = folder / "state"
        self.config_file = folder / "Pulumi.dev.yaml"
        self.events: list[EngineEvent] = []
        self.config: dict[str, str] = {"accountId": ACCOUNT}
        self.secret_config: dict[str, str] = {"apiKey": CANARY}
        self.environment: dict[str, str] = {"CLOUDFLARE_API_TOKEN": TOKEN}
        self.base_url = api.url
        self._ciphertexts: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def program(self, name: str, change: Callable[[str], str] = str) -> None:
        """Install ``programs/NAME.py`` as the project's program, its text changed."""
        target = self.folder / "app"
        target.mkdir(exist_ok=True)
        (target / "__main__.py").write_text(change((_PROGRAMS / f"{name}.py").read_text()))
        for extra in _PROGRAMS.glob(f"{name}_*.py"):
            shutil.copy(extra, target / extra.name)
        runtime = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
        (self.folder / "Pulumi.yaml").write_text(
            f"name: {self.project}\nruntime: {runtime}\nmain: app\n"
        )

    def engine(self, **changes: Any) -> EmbeddedEngine:
        self.write_config()
        settings: dict[str, Any] = {
            "project_dir": self.folder,
            "backend_dir": self.backend,
            "stack": "dev",
            "config_file": self.config_file,
            "passphrase": PASSPHRASE,
            "environment": self.environment,
            "on_event": self.events.append,
        }
        return EmbeddedEngine(**{**settings, **changes})

    def write_config(self) -> None:
        lines = [f"encryptionsalt: {SALT}", "config:", f"  cloudflare:baseUrl: {self.base_url}"]
        lines += [
            f"  {self.project}:{key}: {json.dumps(value)}" for key, value in self.config.items()
        ]
        for key, value in self.secret_config.items():
            if value not in self._ciphertexts:
                self._ciphertexts[value] = encrypt_config_value(
                    value, passphrase=PASSPHRASE, salt=SALT
                )
            lines += [f"  {self.project}:{key}:", f"    secure: {self._ciphertexts[value]}"]
        self.config_file.write_text("\n".join(lines) + "\n")

    def up(self) -> UpdateResult:
        result = self.engine().up()
        assert result.result == "succeeded", result.message
        return result

    @property
    def stack_file(self) -> Path:
        return self.backend / ".pulumi" / "stacks" / self.project / "dev.json"

    def state(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stack_file.read_text())["checkpoint"]["latest"]
        return document

    def resource(self, name: str) -> dict[str, Any]:
        found = [r for r in self.state()["resources"] if r["urn"].endswith(f"::{name}")]
        assert len(found) == 1, [r["urn"] for r in found]
        return dict(found[0])

    def said(self) -> str:
        return "\n".join(event.message for event in self.events if event.message)

    def everything_written(self) -> str:
        files = [file for file in self.backend.rglob("*") if file.is_file()]
        return "\n".join(file.read_text() for file in files) + self.said()

    def edit(self, pattern: str, replacement: str) -> None:
        """Change the installed program's text."""
        file = self.folder / "app" / "__main__.py"
        text, count = re.subn(pattern, replacement, file.read_text())
        assert count, f"{pattern} is not in the program"
        rewrite(file, text)
