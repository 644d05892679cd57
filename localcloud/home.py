"""The folder that holds everything the local cloud knows."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from localcloud.atomic_write import write_whole

_ALPHABET = string.ascii_letters + string.digits
_TOKEN_LENGTH = 40  # the length of Cloudflare's API tokens


@dataclass(frozen=True)
class CloudHome:
    """Paths below the state home; `root` is the home itself, the cloud's own part is `cloud/`."""

    root: Path

    @property
    def cloud(self) -> Path:
        """The cloud's own folder, mode 0700."""
        return self.root / "cloud"

    @property
    def database(self) -> Path:
        """SQLite file of the control plane: every resource of the account."""
        return self.cloud / "control-plane.sqlite3"

    @property
    def broker_database(self) -> Path:
        """SQLite file of the queues' messages."""
        return self.cloud / "broker.sqlite3"

    @property
    def sink_database(self) -> Path:
        """SQLite file of what the webhook sink received."""
        return self.cloud / "sink.sqlite3"

    @property
    def bundles(self) -> Path:
        """One folder of modules per bundle, named by content hash."""
        return self.cloud / "bundles"

    @property
    def assets(self) -> Path:
        """Static assets of versions, one file per hash."""
        return self.cloud / "assets"

    @property
    def runtime(self) -> Path:
        """The Node host's own state: the D1 and KV files, snapshots, pids."""
        return self.cloud / "runtime"

    @property
    def logs(self) -> Path:
        """Log files, rotated by size."""
        return self.cloud / "logs"

    @property
    def token_file(self) -> Path:
        """The local API token, mode 0600."""
        return self.cloud / "api-token"

    @property
    def record(self) -> Path:
        """Who runs the cloud: pid, start time, ports."""
        return self.cloud / "daemon.json"

    @property
    def ports(self) -> Path:
        """The ports that were chosen for this home; they outlive a stop."""
        return self.root / "ports.json"

    @property
    def serve_lock(self) -> Path:
        """Locked by the serving process for as long as it lives."""
        return self.cloud / "serve.lock"

    @property
    def start_lock(self) -> Path:
        """Locked while a command starts, stops or erases the cloud.

        It lies beside the cloud's folder, because erasing removes that.
        """
        return self.root / "cloud.lock"

    def create(self) -> None:
        """Make the folders. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.cloud, self.bundles, self.assets, self.runtime, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)

    def api_token(self) -> str:
        """Return the local API token, made on first use. Raises OSError.

        The file appears complete or not at all, so a kill in between leaves no half token.
        """
        try:
            token = self.token_file.read_text("ascii").strip()
        except FileNotFoundError:
            token = ""
        if len(token) == _TOKEN_LENGTH:
            return token
        token = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))
        write_whole(self.token_file, token + "\n")
        return token
