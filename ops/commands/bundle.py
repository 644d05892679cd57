"""``notifyctl bundle``: build the Worker's bundle."""

from __future__ import annotations

import json as json_text

import typer

from ops.commands.options import JsonOption


def bundle(json: JsonOption = False) -> None:
    """Build the Worker's bundle into dist/worker. The same sources give the same bytes."""
    from ops.deployment import build_bundle
    from ops.project import Project

    built = build_bundle(Project.find())
    if json:
        document = {
            "folder": str(built.folder),
            "sha256": built.sha256,
            "modules": built.modules,
            "size": built.size,
        }
        typer.echo(json_text.dumps(document, indent=2))
        return
    typer.echo(
        f"{built.folder}: {built.modules} modules, {built.size / 1024:.0f} KiB, "
        f"sha256 {built.sha256[:12]}"
    )
