"""The version that the stack uploaded last, as its state has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.bundle import Bundle

_VERSION_TYPE = "cloudflare:index/workerVersion:WorkerVersion"
_STACK_OUTPUTS = "pulumi:pulumi:readStackOutputs"
_RESOURCE_OUTPUTS = "pulumi:pulumi:readStackResourceOutputs"
"""Functions of Pulumi's engine itself (pulumi/pulumi, pkg/resource/deploy/builtins.go)."""

_MAX_NAMED = 12


@dataclass(frozen=True)
class UploadedVersion:
    """The version in the state before this update.

    Attributes:
        tag: the hash of the bundle that it was made of.
        modules: SHA-256 of each module by its name.
        holds_text: whether the state holds the modules' text, as it did before modules went in as
            files.
    """

    tag: str
    modules: Mapping[str, str]
    holds_text: bool

    @classmethod
    def read(cls) -> UploadedVersion | None:
        """Ask the engine; None where the stack has no version, or its state can't be asked."""
        # Every backend that isn't Pulumi Cloud calls its one organization so.
        organization = pulumi.get_organization() or "organization"
        name = f"{organization}/{pulumi.get_project()}/{pulumi.get_stack()}"
        try:
            # The second function ends the CLI where there is no state yet, so the first goes ahead.
            if not (_invoke(_STACK_OUTPUTS, name=name) or {}).get("outputs"):
                return None
            resources = (_invoke(_RESOURCE_OUTPUTS, stackName=name) or {}).get("outputs") or {}
        except Exception as error:  # Pulumi raises no narrower one
            pulumi.log.debug(f"The state can't be asked for the version before: {error}")
            return None
        found = [item["outputs"] for item in resources.values() if item["type"] == _VERSION_TYPE]
        return cls.of_outputs(found[0]) if len(found) == 1 else None

    @classmethod
    def of_outputs(cls, outputs: Mapping[str, Any]) -> UploadedVersion:
        """Take the version from its outputs in the state."""
        modules = outputs.get("modules") or []
        return cls(
            tag=str((outputs.get("annotations") or {}).get("workersTag", "")),
            modules={str(item["name"]): str(item.get("contentSha256", "")) for item in modules},
            holds_text=any(item.get("contentBase64") for item in modules),
        )

    def keeps_text(self, bundle: Bundle) -> bool:
        """Whether to go on declaring the modules as text.

        The same code as before would otherwise be a change of the state. The next change of the
        code makes a new version anyway, and the text goes with the old one.
        """
        return self.holds_text and self.tag == bundle.sha256

    def changes(self, bundle: Bundle) -> str:
        """Say in one sentence which modules of the bundle differ; empty where none does."""
        if self.tag == bundle.sha256:
            return ""
        now = {module.name: module.sha256 for module in bundle.modules}
        # The rules for the assets' headers are a module beside the bundle's.
        before = {name: digest for name, digest in self.modules.items() if name != "_headers"}
        changed = sorted(name for name in now.keys() & before.keys() if now[name] != before[name])
        parts = [
            f"{len(names)} {word} ({_listed(names)})"
            for word, names in (
                ("changed", changed),
                ("new", sorted(now.keys() - before.keys())),
                ("removed", sorted(before.keys() - now.keys())),
            )
            if names
        ]
        return f"The Worker's modules: {', '.join(parts)}." if parts else ""


def _invoke(token: str, **arguments: str) -> Any:
    return pulumi.runtime.invoke(token, arguments).value


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMED])
    more = len(names) - _MAX_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
