"""Inputs of the Pulumi program for tests: a small bundle, two migrations, valid settings."""

import re
from pathlib import Path
from typing import Any

from infra.assets import Assets
from infra.bundle import Bundle, Module, bundle_sha256
from infra.inputs import Inputs
from infra.migrations.files import MigrationSet
from infra.names import Names
from infra.settings.check import CheckedConfig, RawConfig

ACCOUNT = "0123456789abcdef0123456789abcdef"
API_SECRET = "a1" * 32
ENCRYPT_KEY = "Ab3" * 10 + "Zz"
SECRET_NAME = re.compile("Key|Token$|^grafanaWebhook")
CONFIG = {
    "accountId": ACCOUNT,
    "environment": "production",
    "workersDevSubdomain": "my-team",
    "apiSecretKey": API_SECRET,
    "encryptKey": ENCRYPT_KEY,
}
MIGRATIONS = {
    "0001_first.sql": "CREATE TABLE a(id INTEGER PRIMARY KEY);\nCREATE TABLE b(id INTEGER);\n",
    "0001_first.down.sql": "DROP TABLE b;\nDROP TABLE a;\n",
    "0002_second.sql": "-- min-code: 1\nALTER TABLE a ADD COLUMN note TEXT;\n",
    "0002_second.down.sql": "ALTER TABLE a DROP COLUMN note;\n",
}


def checked_config(stack: str = "production", **changes: Any) -> CheckedConfig:
    """Valid settings with changes; a change to None takes the key out."""
    values = {k: v for k, v in {**CONFIG, **changes}.items() if v is not None}
    secret = frozenset(k for k in values if SECRET_NAME.search(k))
    return CheckedConfig(RawConfig("the test's configuration", stack, values, secret))


def small_bundle(text: bytes = b"x = 1\n") -> Bundle:
    """A bundle of two modules."""
    modules = (
        Module("entry.py", "text/x-python", text),
        Module("notification/domain.py", "text/x-python", b"y = 2\n"),
    )
    return Bundle(Path("dist", "worker"), "entry.py", bundle_sha256(modules), modules)


def small_assets() -> Assets:
    """Assets of one page."""
    return Assets(Path("dist/assets"), "/", "e" * 64, {"/index.html": "f" * 64}, "/*\n  X-A: b\n")


def write_migrations(folder: Path, files: dict[str, str] | None = None) -> Path:
    """Write migration files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (MIGRATIONS if files is None else files).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def stack_inputs(
    folder: Path, stack: str = "production", *, commit: str = "c0ffee", **changes: Any
) -> Inputs:
    """Everything the program reads, with changed settings."""
    config = checked_config(stack, **changes)
    settings = config.settings()
    return Inputs(
        names=Names.of_stack(stack),
        settings=settings,
        secrets=config.secrets(),
        workflow_secrets=config.workflow_secrets(),
        bundle=small_bundle(),
        assets=small_assets() if settings.serves_console else None,
        migrations=MigrationSet.read(write_migrations(folder / "migrations")),
        commit=commit,
    )
