"""Where the project's files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ops.stacks.errors import UsageError

CONFIG_FILE_VARIABLE = "NOTIFYCTL_CONFIG_FILE"
"""Environment variable that names the stack's settings file, in place of Pulumi.STACK.yaml."""

HOME_VARIABLE = "NOTIFICATION_LOCAL_HOME"
"""Environment variable that moves the local stack's state out of the project's ``.local``."""


@dataclass(frozen=True)
class Project:
    """The project's folder and the folders that the local stack writes to.

    Attributes:
        root: folder that holds ``Pulumi.yaml``.
        home: folder of everything that the local stack keeps (``.local`` unless moved).
    """

    root: Path
    home: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """Return the project around ``start`` (default: the working directory).

        Raises:
            UsageError: neither ``start`` nor a folder above it holds this project's Pulumi.yaml.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "Pulumi.yaml").is_file() and (folder / "infra").is_dir():
                moved = os.environ.get(HOME_VARIABLE)
                home = Path(moved).expanduser().resolve() if moved else folder / ".local"
                return cls(root=folder, home=home)
        raise UsageError(
            f"There is no Pulumi.yaml in {here} or above it. "
            "Run notifyctl inside the project's folder."
        )

    @property
    def bundle_dir(self) -> Path:
        """Folder that the bundle is built into."""
        return self.root / "dist" / "worker"

    @property
    def assets_dir(self) -> Path:
        """Folder that the console's assets are built into."""
        return self.root / "dist" / "assets"

    @property
    def backend_dir(self) -> Path:
        """Pulumi file backend of the local stack: this folder holds ``.pulumi``."""
        return self.home / "pulumi"

    @property
    def passphrase_file(self) -> Path:
        """File with the passphrase that encrypts the local stack's secrets."""
        return self.home / "passphrase"

    def stack_file(self, stack: str) -> Path:
        """Return the settings file of ``stack``: ``--config-file``, else ``Pulumi.STACK.yaml``.

        Raises:
            UsageError: there is no such file; the message lists the stacks that have one.
        """
        named = os.environ.get(CONFIG_FILE_VARIABLE)
        if named:
            if not Path(named).is_file():
                raise UsageError(f"The settings file {named} doesn't exist.")
            return Path(named).resolve()
        path = self.root / f"Pulumi.{stack}.yaml"
        if not path.is_file():
            found = (p.name.split(".")[1:-1] for p in self.root.glob("Pulumi.*.yaml"))
            known = sorted(parts[0] for parts in found if len(parts) == 1)
            raise UsageError(
                f"There is no stack '{stack}': {path.name} doesn't exist. "
                f"Known stacks: {', '.join(known)}."
            )
        return path
