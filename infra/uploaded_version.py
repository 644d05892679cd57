"""The version that the stack uploaded last, as its state has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.bundle import Bundle

_VERSION_TYPE = "cloudflare:index/workerVersion:WorkerVersion"
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
    def of_state(cls, resources: Sequence[Mapping[str, Any]]) -> UploadedVersion | None:
        """Take the version from what `read_outputs` found; None where there isn't one."""
        match [item["outputs"] for item in resources if item["type"] == _VERSION_TYPE]:
            case [outputs]:
                return cls.of_outputs(outputs)
        return None

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


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMED])
    more = len(names) - _MAX_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
