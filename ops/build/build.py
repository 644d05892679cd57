"""Builds what a version is made of: the Worker's bundle and the console's assets."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from infra.settings.problems import PROJECT
from ops.build.assets import AssetBuilder, BuiltAssets
from ops.build.bundle import BuiltBundle, BundleBuilder
from ops.build.console_sources import console_sources
from ops.stacks.project import Project
from ops.stacks.settings_file import StackFile

CONSOLE_PATH = str(Settings.model_fields["console_base_path"].default)


def build_bundle(project: Project, stack: str | None = None) -> BuiltBundle:
    """Build both into the project's ``dist``, the assets for the console's path on ``stack``.

    Raises:
        OperationError: a source is missing or can't be used.
        UsageError: there is no such stack.
    """
    base_path = CONSOLE_PATH if stack is None else console_path(project, stack)
    build_assets(project, base_path=base_path)
    builder = BundleBuilder(
        sources=project.root / "worker" / "src",
        vendored=project.root / "build" / "python_modules",
    )
    return builder.build(project.bundle_dir)


def build_assets(
    project: Project, *, base_path: str = CONSOLE_PATH, folder: Path | None = None
) -> BuiltAssets:
    """Build the console's assets into ``folder`` (default: the project's ``dist/assets``)."""
    sources = console_sources(project.root)
    return AssetBuilder(sources=sources, base_path=base_path).build(folder or project.assets_dir)


def console_path(project: Project, stack: str) -> str:
    """Return the path that the stack serves its console under; the program judges its form."""
    config = StackFile.read(project.stack_file(stack)).config
    return str(config.get(f"{PROJECT}:consoleBasePath", CONSOLE_PATH))
