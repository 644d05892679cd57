"""What the program reads before it declares anything."""

import os
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from infra.assets import Assets, AssetsError
from infra.bundle import Bundle, BundleError
from infra.migrations.files import MigrationFileError, MigrationSet
from infra.migrations.location import MIGRATIONS, project_root
from infra.names import Names, StackNameError
from infra.release import COMMIT_VARIABLE
from infra.settings import Secrets, Settings, SettingsError, WorkflowSecrets
from infra.settings.check import CheckedConfig, RawConfig

BUNDLE = Path("dist", "worker")
ASSETS = Path("dist", "assets")


@dataclass(frozen=True)
class Inputs:
    """Settings, secrets, the built Worker with its assets, and the migrations.

    `assets` is None where the stack serves no console. `commit` is empty where nobody gave it.
    """

    names: Names
    settings: Settings
    secrets: Secrets
    workflow_secrets: WorkflowSecrets
    bundle: Bundle
    assets: Assets | None
    migrations: MigrationSet
    commit: str

    @classmethod
    def read(cls) -> "Inputs":
        """Read them for the stack that Pulumi runs.

        Raise pulumi.RunError, the one kind that Pulumi shows without a stack trace, where a part
        is missing or wrong.
        """
        stack = pulumi.get_stack()
        try:
            config = read_pulumi_config(project=pulumi.get_project(), stack=stack)
            settings = config.settings()
            root = project_root()
            return cls(
                names=Names.of_stack(stack),
                settings=settings,
                secrets=config.secrets(),
                workflow_secrets=config.workflow_secrets(),
                bundle=Bundle.read(root, BUNDLE),
                assets=_assets(settings, root),
                migrations=MigrationSet.read(root / MIGRATIONS),
                commit=os.environ.get(COMMIT_VARIABLE, ""),
            )
        except (
            StackNameError,
            SettingsError,
            BundleError,
            AssetsError,
            MigrationFileError,
        ) as error:
            raise pulumi.RunError(str(error)) from None


def _assets(settings: Settings, root: Path) -> Assets | None:
    if not settings.serves_console:
        return None
    return Assets.read(root, ASSETS, base_path=settings.console_base_path)


def read_pulumi_config(*, project: str, stack: str) -> CheckedConfig:
    """Read all config that Pulumi gave to the program, so that unknown keys are seen as well."""
    prefix = f"{project}:"
    full = CONFIG.get()
    return CheckedConfig(
        RawConfig(
            source=f"The configuration of the stack {stack}",
            stack=stack,
            values={key.removeprefix(prefix): value for key, value in full.items()},
            secret_keys=frozenset(k.removeprefix(prefix) for k in full if is_config_secret(k)),
        )
    )
