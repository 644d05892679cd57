"""What the stack's state knows already, which a program isn't told by Pulumi."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

STATE_FILE_VARIABLE = "NOTIFICATION_STATE_FILE"
"""Environment variable with the state's file, where no Pulumi CLI runs the program."""

_STACK_OUTPUTS = "pulumi:pulumi:readStackOutputs"
_RESOURCE_OUTPUTS = "pulumi:pulumi:readStackResourceOutputs"
"""Functions of Pulumi's engine itself (pulumi/pulumi, pkg/resource/deploy/builtins.go)."""

_LIMIT_SECONDS = 60.0
_HINT = "Take the adopt… settings out, or run 'notifyctl import', which looks before it imports."

Resources = Sequence[Mapping[str, Any]]


def read_state() -> Resources:
    """Return the resources in the state of the stack that runs.

    Pulumi gives a program no view of its state, so the CLI is asked for it, as
    `pulumi stack export` does: that takes no lock and decrypts nothing.

    Raises:
        pulumi.RunError: the state can't be read.
    """
    try:
        if file := os.environ.get(STATE_FILE_VARIABLE):
            path = Path(file)
            return _resources(path.read_text(encoding="utf-8")) if path.is_file() else ()
        return _resources(_exported())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise pulumi.RunError(
            f"The stack's state can't be read ({type(error).__name__}), so it isn't known whether "
            f"the stack made what it is told to import; nothing was changed. {_HINT}"
        ) from None


def read_outputs() -> Sequence[Mapping[str, Any]] | None:
    """Ask the engine for type and outputs of each resource in the state before this update.

    Returns:
        An empty list where the stack has none yet; None where the state can't be asked.
    """
    # Every backend that isn't Pulumi Cloud calls its one organization so.
    organization = pulumi.get_organization() or "organization"
    name = f"{organization}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        # The second function ends the CLI where there is no state yet, so the first goes ahead.
        if not (_invoke(_STACK_OUTPUTS, name=name) or {}).get("outputs"):
            return ()
        resources = (_invoke(_RESOURCE_OUTPUTS, stackName=name) or {}).get("outputs") or {}
    except Exception as error:  # Pulumi raises no narrower one
        pulumi.log.debug(f"The state before this update can't be asked: {error}")
        return None
    return list(resources.values())


def _invoke(token: str, **arguments: str) -> Any:
    return pulumi.runtime.invoke(token, arguments).value


def _exported() -> str:
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    done = subprocess.run(
        ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        timeout=_LIMIT_SECONDS,
    )
    return done.stdout


def _resources(text: str) -> Resources:
    """Read an exported deployment, or a checkpoint as a file backend keeps it."""
    document = _object(json.loads(text))
    checkpoint = _object(document.get("checkpoint"))
    deployment = checkpoint.get("latest") if checkpoint else document.get("deployment")
    found = _object(deployment).get("resources") or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("no list of resources")
    return found


def _object(part: Any) -> Mapping[str, Any]:
    """Return a part of the document, nothing of what isn't there; raise ValueError for another."""
    if not isinstance(part, dict | None):
        raise ValueError("no object")
    return part or {}
