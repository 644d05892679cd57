"""Cloudflare's own command, unmodified, pointed at a running local cloud."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcloud.endpoints import Endpoints
from tests.localcloud.npm_package import installed

PACKAGE = Path(__file__).with_name("wrangler")
_COMMAND_SECONDS = 180


def wrangler_program() -> Path:
    """Return wrangler's entry point, installed on first use."""
    return installed(PACKAGE) / "node_modules" / "wrangler" / "wrangler-dist" / "cli.js"


@dataclass(frozen=True)
class Wrangler:
    """Runs commands in the folder of a Worker's project."""

    folder: Path
    endpoints: Endpoints

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        return ["node", str(wrangler_program()), *arguments]

    def environment(self) -> dict[str, str]:
        """Return an environment in which wrangler talks to the local cloud and to nobody else."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / ".config"),
            "CI": "1",
            "NO_COLOR": "1",
            "CLOUDFLARE_API_BASE_URL": self.endpoints.control_url,
            "CLOUDFLARE_API_TOKEN": self.endpoints.api_token,
            "CLOUDFLARE_ACCOUNT_ID": self.endpoints.account_id,
            # No telemetry, no crash reports, no look at npm for a newer version.
            "WRANGLER_SEND_METRICS": "false",
            "WRANGLER_SEND_ERROR_REPORTS": "false",
            "WRANGLER_HIDE_BANNER": "true",
            "WRANGLER_LOG_PATH": str(self.folder / ".logs"),
        }

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command to its end, without a terminal."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on until it is ended."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
