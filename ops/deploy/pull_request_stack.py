"""One pull request's stack: made by one command, gone by one other."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.settings.derivation import for_another_stack
from ops.access.keys.key_file import KeyFile
from ops.deploy.deployment import Deployment
from ops.deploy.removal import Removal
from ops.stacks.choice import choose_driver
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.deployment_report import DeploymentReport
from ops.stacks.listing import stack_names
from ops.stacks.local_stack import NAMESPACE, SECRET_KEYS, remove_rendered

_NAME = re.compile(r"pr-([1-9][0-9]{0,8})")


def stack_of(pull_request: int) -> str:
    """Return the stack's name, ``pr-N``."""
    return f"pr-{pull_request}"


def pull_request_of(stack: str) -> int | None:
    """Return the number in a stack's name; ``None`` for any other stack.

    >>> pull_request_of("pr-12"), pull_request_of("production")
    (12, None)
    """
    found = _NAME.fullmatch(stack)
    return int(found[1]) if found else None


@dataclass(frozen=True)
class PullRequestStack:
    """The stack of one pull request.

    Attributes:
        base: the stack whose settings its own derive from.
        number: the pull request's.
    """

    base: StackContext
    number: int

    def up(self, *, verify: bool) -> DeploymentReport:
        """Deploy it; safe to repeat, with new code or the same.

        Raises:
            UsageError: the base's settings have mistakes.
            OperationError: a step of the deployment failed.
        """
        return Deployment(self._prepared()).run(
            message=f"Pull request {self.number}", verify=verify
        )

    def destroy(self) -> bool:
        """Remove its resources, the stack and its settings; return whether there was one.

        Raises:
            OperationError: a resource can't be removed; the stack is kept then.
        """
        project, is_local = self.base.project, self.base.is_local
        name = stack_of(self.number)
        existed = name in stack_names(self.base)
        if existed:
            context = self._prepared()
            Removal(context).run(erase=False)
            choose_driver(context).remove()
        self._file().unlink(missing_ok=True)
        if is_local:
            remove_rendered(project, name)
        return existed

    def _prepared(self) -> StackContext:
        """Write the derived settings, and return the context of their stack."""
        base = self.base
        document: dict[str, Any] = {"config": derived_settings(base.file.config)}
        if provider := base.file.content.get("secretsprovider"):
            # The base's key service encrypts for it too, under a key of the stack's own.
            document["secretsprovider"] = provider
        path = self._file()
        if not base.is_local and path.is_file():
            document = _with_kept_secrets(document, read_stack_file(path).content)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=True), encoding="utf-8")
        context = base.of_stack(stack_of(self.number), path)
        if not base.is_local:
            self._give_secrets(context)
        return context.of_stack(context.stack, path)

    def _file(self) -> Path:
        """Beside the tracked files, where the CLI looks; a local stack's is kept with its state."""
        project = self.base.project
        folder = project.home / "pull-requests" if self.base.is_local else project.root
        return folder / f"Pulumi.{stack_of(self.number)}.yaml"

    def _give_secrets(self, context: StackContext) -> None:
        """Set the secrets of an account's stack where it has none.

        They come from the base's, one way: each run of a pull request's checks gets the same, on
        whatever machine, and nobody learns the base's from them.
        """
        if any(map(context.file.checked.is_set, SECRET_KEYS)):
            return
        from ops.stacks.cli import CliDriver
        from ops.stacks.cli_workspace import CliWorkspace

        # From the file: the base may not be deployed yet.
        key = KeyFile.of(self.base).read(SECRET_KEYS[0])
        secrets = {name: _derived(key, f"{stack_of(self.number)}/{name}") for name in SECRET_KEYS}
        CliDriver(CliWorkspace.for_account(context)).set_secrets(secrets)


def _with_kept_secrets(document: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    secure = {
        key: value
        for key, value in (kept.get("config") or {}).items()
        if isinstance(value, dict) and "secure" in value
    }
    whole = {**document, "config": {**document["config"], **secure}}
    for name in ("encryptionsalt", "secretsprovider", "encryptedkey"):
        if name in kept:
            whole[name] = kept[name]
    return whole


def _derived(key: str, text: str) -> str:
    """Return a secret in the form of the setting that ``text`` ends with: HMAC-SHA256 in hex."""
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return digest[:32] if text.endswith("encryptKey") else digest


def derived_settings(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a pull request's stack, without secrets.

    They are those of ``base`` that hold for another stack. There is no cron: an account's free
    plan has few. The stores can be removed. Without the base's domain it answers at workers.dev.
    """
    return for_another_stack(base) | {
        f"{NAMESPACE}:environment": "development",
        f"{NAMESPACE}:crons": [],
        f"{NAMESPACE}:protectStores": False,
        f"{NAMESPACE}:manageAccess": False,
        f"{NAMESPACE}:workersDev": True,
    }
