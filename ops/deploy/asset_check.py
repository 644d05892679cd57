"""Checks from outside that the console's files are those of the release, to the byte."""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import urljoin

from ops.build.assets import HASHED_FOLDER
from ops.deploy.verification import CheckResult, answering, check_failed
from ops.stacks.console import Reporter
from ops.stacks.moment import counted
from ops.stacks.origin import short_hash
from ops.stacks.service import ServiceClient

_CHECK = "assets"
_REFERENCE = re.compile(r"\b(?:src|href)=\"([^\"#]+)\"")
_HASH_DIGITS = 32
"""Hexadecimal digits of each file's SHA-256 in Cloudflare's upload manifest."""


class AssetCheck:
    """Fetches the page and everything it names, and compares their common digest.

    Args:
        anonymous: a client of the service that doesn't sign.
        base_path: the path that the console is served under, ``/`` or such as ``/console``.
        reporter: where the step is shown.
    """

    def __init__(self, anonymous: ServiceClient, *, base_path: str, reporter: Reporter) -> None:
        self._anonymous = anonymous
        self._folder = f"/{base_path.strip('/')}/".replace("//", "/")
        self._reporter = reporter

    def run(self, assets_sha256: str) -> CheckResult:
        """Compare with the release's digest; an empty one means that it serves no console.

        Raises:
            VerificationFailed: a file is missing, or the digest is another.
        """
        if not assets_sha256:
            return CheckResult(_CHECK, None, "the release serves no console")
        with self._reporter.step("The console's files are the release's") as step:
            files = self._files()
            found = _digest(files)
            if found != assets_sha256:
                raise check_failed(
                    _CHECK,
                    f"the digest of its {counted(len(files), 'file')} is {short_hash(found)}, "
                    f"and the release's is {short_hash(assets_sha256)}.",
                )
            step.detail = f"{len(files)} files, {short_hash(found)}"
        return CheckResult(_CHECK, True, step.detail)

    def _files(self) -> dict[str, bytes]:
        page = self._fetch(self._folder)
        files = {f"{self._folder}index.html": page}
        for reference in _REFERENCE.findall(page.decode("utf-8", "replace")):
            path = urljoin(self._folder, reference)
            if path.startswith(f"{self._folder}{HASHED_FOLDER}/") and path not in files:
                files[path] = self._fetch(path)
        return files

    def _fetch(self, path: str) -> bytes:
        with answering(_CHECK):
            answer = self._anonymous.call("GET", path)
        if answer.status_code != 200:
            raise check_failed(_CHECK, f"{path} was answered with {answer.status_code}.")
        return answer.content


def _digest(files: dict[str, bytes]) -> str:
    """Return the digest as Cloudflare's provider computes it (``infra.assets``)."""
    document = {
        name: {"hash": hashlib.sha256(content).hexdigest()[:_HASH_DIGITS], "size": len(content)}
        for name, content in files.items()
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
