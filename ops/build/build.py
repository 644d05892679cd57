"""Builds what a version is made of: the Worker's bundle and the console's assets."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings, StackFile
from ops.build.assets import AssetBuilder, BuiltAssets
from ops.build.bundle import BuiltBundle, BundleBuilder
from ops.build.console_sources import console_sources
from ops.stacks.project import Project

CONSOLE_PATH = str(Settings.model_fields["console_base_path"].default)


def build_bundle(project: Project, file: StackFile | None = None) -> BuiltBundle:
    """Build both into the project's ``dist``, the assets for the console's path in ``file``.

    Raises:
        OperationError: a source is missing or can't be used.
    """
    base_path = CONSOLE_PATH if file is None else console_path(file)
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


def console_path(file: StackFile) -> str:
    """Return the path that a stack serves its console under."""
    return file.known.console_base_path
