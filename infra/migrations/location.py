"""Where the project's files lie, seen from the program and from its provider's process alike."""

from pathlib import Path

MIGRATIONS = Path("sql", "migrations")


def project_root() -> Path:
    """Return the folder with Pulumi.yaml: the working directory (Pulumi sets it) or one above it.

    Raises FileNotFoundError outside a project.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise FileNotFoundError(f"There is no Pulumi.yaml in {here} or above it.")
