"""Where the project's files lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.endpoints import Ports
from localcloud.home import CloudHome
from ops.stacks.errors import UsageError

HOME_VARIABLE = "NOTIFICATION_LOCAL_HOME"
"""Environment variable that moves the local stack's state out of the project's ``.local``."""


@dataclass(frozen=True)
class Project:
    """The project's folder and the folders that the local stack writes to.

    Attributes:
        root: folder that holds ``Pulumi.yaml``.
        home: folder of everything that the local stack keeps (``.local`` unless moved).
        ports: where the local cloud listens.
    """

    root: Path
    home: Path
    ports: Ports = field(default_factory=Ports)

    @classmethod
    def find(
        cls, start: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Project:
        """Return the project around a folder.

        Args:
            start: the folder; ``None`` takes the working directory.
            environment: environment variables; ``None`` takes the process's.

        Raises:
            UsageError: neither ``start`` nor a folder above it holds this project's Pulumi.yaml,
                or a variable or the home's file of ports holds something that is no port.
        """
        found = os.environ if environment is None else environment
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "Pulumi.yaml").is_file() and (folder / "infra").is_dir():
                moved = found.get(HOME_VARIABLE)
                home = Path(moved).expanduser().resolve() if moved else folder / ".local"
                try:
                    ports = Ports.chosen(CloudHome(home).ports, found)
                except ValueError as error:
                    raise UsageError(str(error)) from None
                return cls(root=folder, home=home, ports=ports)
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
        """Return the tracked settings file of ``stack``.

        Raises:
            UsageError: there is no such file; the message lists the stacks that have one.
        """
        path = self.root / f"Pulumi.{stack}.yaml"
        if not path.is_file():
            found = (p.name.split(".")[1:-1] for p in self.root.glob("Pulumi.*.yaml"))
            known = sorted(parts[0] for parts in found if len(parts) == 1)
            raise UsageError(
                f"There is no stack '{stack}': {path.name} doesn't exist. "
                f"Known stacks: {', '.join(known)}."
            )
        return path
