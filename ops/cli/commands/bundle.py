"""``notifyctl bundle``: build the Worker's bundle and the console's assets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ops.build.build import build_assets, build_bundle
from ops.cli.commands.options import JsonOption, open_project
from ops.cli.printing import say, say_json
from ops.stacks.errors import UsageError
from ops.stacks.moment import counted, kibibytes
from ops.stacks.origin import short_hash


def bundle(
    run: typer.Context,
    json: JsonOption = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", help="Folder for the console's assets, emptied first.  [dist/assets]"
        ),
    ] = None,
    base_path: Annotated[
        str,
        typer.Option("--base-path", help="Path that the console is served under; / is allowed."),
    ] = "/console",
) -> None:
    """Build the Worker's bundle into dist/worker and the console's assets into dist/assets.

    The same sources always give the same bytes. 'up' and 'preview' build the bundle by themselves.
    """
    if not re.fullmatch(r"/([a-z0-9_-]+(/[a-z0-9_-]+)*)?", base_path):
        raise UsageError(
            f"--base-path {base_path!r} is no absolute path of a-z, 0-9, '-' and '_' without a "
            "trailing slash. Give one such as /console."
        )
    project = open_project(run)
    built = build_bundle(project)
    assets = build_assets(project, base_path=base_path, folder=output)
    if json:
        document = {
            "folder": str(built.folder),
            "sha256": built.sha256,
            "modules": built.modules,
            "size": built.size,
            "assets": {
                "folder": str(assets.folder),
                "sha256": assets.sha256,
                "files": assets.files,
                "size": assets.size,
            },
        }
        say_json(document)
        return
    say(
        f"{built.folder}: {counted(built.modules, 'module')}, {kibibytes(built.size)}, "
        f"sha256 {short_hash(built.sha256)}"
    )
    say(
        f"{assets.folder}: {counted(assets.files, 'file')}, {kibibytes(assets.size)}, "
        f"sha256 {short_hash(assets.sha256)}"
    )
