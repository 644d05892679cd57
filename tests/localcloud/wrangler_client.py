"""Cloudflare's own command, unmodified, pointed at a running local cloud."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcloud.endpoints import Endpoints

PACKAGE = Path(__file__).with_name("wrangler")
BUILD = Path(__file__).parents[2] / "build"
_INSTALL_SECONDS = 600
_COMMAND_SECONDS = 180


def wrangler_program() -> Path:
    """Return wrangler's entry point, installed from npm into `build/` on first use.

    It is no dependency of the project: 190 MB that only these tests need. Nothing but npm packages
    is downloaded, since their install scripts don't run.
    """
    lock = PACKAGE / "package-lock.json"
    folder = BUILD / f"wrangler-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    program = folder / "node_modules" / "wrangler" / "wrangler-dist" / "cli.js"
    done = folder / "installed"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "wrangler.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(PACKAGE, folder)
            subprocess.run(
                ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=_INSTALL_SECONDS,
            )
            done.touch()
    return program


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
