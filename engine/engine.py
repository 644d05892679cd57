"""The embedded engine: Pulumi's operations for one stack on this machine.

Heavy imports (gRPC, the SDK's protocol, cryptography) happen inside operations, after the
program's process has been started, so that both start at the same time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import EngineError, StateUnreadable
from engine.file_backend import FileBackend
from engine.loopback import require_loopback_settings
from engine.operation import Operation, RunContext
from engine.passphrase import PassphraseSecrets
from engine.property_value import contains_secret, revealed, unwrap
from engine.report import EngineEvent, EventSink, OperationKind, UpdateResult
from engine.resource_state import ResourceState
from engine.session import Session
from engine.stack_config import Project, StackConfig
from engine.stack_lock import LockHolder, StackLock
from engine.urn import ROOT_STACK_TYPE

_SECRET_TEXT = "[secret]"  # noqa: S105 - what is shown in a secret's place, as Pulumi does


class EmbeddedEngine:
    """Deploys one stack of one project, whose provider endpoints are loopback addresses.

    ``project_dir`` holds ``Pulumi.yaml``; ``backend_dir`` holds (or will hold) ``.pulumi``;
    ``config_file`` is the stack's full config file. ``environment`` is added to the program's
    and is the only place that credentials are taken from. ``key_file`` may keep the key that is
    derived from the passphrase. ``on_event`` gets every
    ``EngineEvent``, one at a time, from the engine's threads.

    Operations raise ``EngineError`` for what keeps them from starting (lock, passphrase, files,
    endpoints) and return an ``UpdateResult`` with ``result="failed"`` for what fails on the way.
    """

    def __init__(
        self,
        *,
        project_dir: Path,
        backend_dir: Path,
        stack: str,
        config_file: Path,
        passphrase: str,
        key_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        on_event: EventSink | None = None,
    ) -> None:
        self._project_dir = Path(project_dir).resolve()
        self._backend_dir = Path(backend_dir).resolve()
        self._stack = stack
        self._config_file = Path(config_file)
        self._passphrase = passphrase
        self._key_file = key_file
        self._environment = dict(environment or {})
        self._on_event: EventSink = on_event or _ignore
        self._session: Session | None = None

    def preview(self) -> UpdateResult:
        """Plan an update: runs the program, changes nothing, writes nothing, takes no lock."""
        return self._run("preview")

    def up(self, message: str = "") -> UpdateResult:
        """Bring the stack to what the program declares; ``message`` goes into the history."""
        return self._run("update", message=message)

    def refresh(self, preview_only: bool = False) -> UpdateResult:
        """Bring the state to what exists, without running the program.

        With ``preview_only`` nothing is written and no lock is taken.
        """
        return self._run("refresh", write=not preview_only)

    def destroy(self) -> UpdateResult:
        """Delete everything in the stack, dependants first, without running the program."""
        return self._run("destroy")

    def outputs(self, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs as last deployed; secret ones as ``[secret]`` unless asked for."""
        stack = next((s for s in self._resources() if s.type == ROOT_STACK_TYPE), None)
        if stack is None:
            return {}
        return {
            key: unwrap(value) if show_secrets or not contains_secret(value) else _SECRET_TEXT
            for key, value in stack.outputs.items()
        }

    def history(self) -> list[dict[str, Any]]:
        """The stack's updates, the newest first, each with its ``version`` counted from 1."""
        entries = self._backend(self._project()).history()
        count = len(entries)
        return [{**entry, "version": count - index} for index, entry in enumerate(entries)]

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The deployment as ``pulumi stack export`` gives it: secrets stay ciphertexts.

        With ``show_secrets`` they are plaintexts, as by the CLI's ``--show-secrets``.
        """
        project = self._project()
        text = self._backend(project).read()
        latest = self._checkpoint(text)["checkpoint"].get("latest") if text else None
        if latest and show_secrets:
            config = StackConfig.load(self._config_file, project)
            secrets = PassphraseSecrets(
                config.encryption_salt, self._passphrase, key_file=self._key_file
            )
            latest = revealed(latest, secrets.decrypt)
        return {"version": 3, "deployment": latest or {}}

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """Put a deployment, as ``export`` gives it, in the place of the stack's.

        Raises ``StackLocked`` while another operation runs, which would write over it.
        """
        backend = self._backend(self._project())
        with _locked(backend):
            text = backend.read()
            if text is None:
                raise EngineError(
                    f"There is no stack '{self._stack}' whose state could be replaced."
                )
            document = self._checkpoint(text)
            document["checkpoint"]["latest"] = exported["deployment"]
            backend.keep_backup()
            backend.write(json.dumps(document))

    def lock_holders(self) -> list[LockHolder]:
        """Who holds a lock on the stack, living or not."""
        return StackLock(self._backend(self._project()).lock_dir).holders()

    def cancel(self) -> int:
        """End the operation that runs in this object; without one, remove the stack's locks, as
        ``pulumi cancel`` does. Returns how many locks were removed.
        """
        if self._session is not None:
            self._session.cancel()
            return 0
        return StackLock(self._backend(self._project()).lock_dir).break_all()

    def unprotect(self) -> int:
        """Take the protection off every resource in the state, as ``pulumi state unprotect --all``
        does; the next update puts back what the program declares. Returns how many had it.
        """
        backend = self._backend(self._project())
        with _locked(backend):
            text = backend.read()
            document = self._checkpoint(text) if text else {"checkpoint": {}}
            latest = document["checkpoint"].get("latest") or {}
            resources = latest.get("resources") or ()
            held = [entry for entry in resources if entry.pop("protect", False)]
            if held:
                backend.keep_backup()
                backend.write(json.dumps(document))
            return len(held)

    def remove_stack(self) -> None:
        """Remove the stack's files. Raises ``EngineError`` while it still has resources."""
        backend = self._backend(self._project())
        with _locked(backend):
            left = [state for state in self._resources() if state.custom]
            if left:
                raise EngineError(
                    f"The stack {self._stack} still has {len(left)} resources: destroy it first."
                )
            backend.remove()

    def _run(self, kind: OperationKind, *, message: str = "", write: bool = True) -> UpdateResult:
        if self._session is not None:
            raise EngineError("An operation of this engine is running: wait until it is done.")
        project = self._project()
        config = StackConfig.load(self._config_file, project)
        plain = {key: value for key, value in config.raw.items() if isinstance(value, str)}
        require_loopback_settings(plain, {**os.environ, **self._environment})
        run_context = RunContext(
            kind=kind,
            project=project.name,
            stack=self._stack,
            root=project.root,
            program=project.program,
            environment=self._environment,
        )
        session = Session(
            operation=Operation(run_context, self._on_event),
            config=config,
            backend=self._backend(project),
            passphrase=self._passphrase,
            key_file=self._key_file,
            write=write and kind != "preview",
        )
        self._session = session
        try:
            return session.run(message)
        finally:
            self._session = None

    def _project(self) -> Project:
        return Project.load(self._project_dir)

    def _backend(self, project: Project) -> FileBackend:
        return FileBackend(self._backend_dir, project=project.name, stack=self._stack)

    def _checkpoint(self, text: str) -> dict[str, Any]:
        """Read a checkpoint's text as far as its resources. Raises ``StateUnreadable``."""
        document: dict[str, Any] = json.loads(text)
        checkpoint = document.get("checkpoint")
        latest = checkpoint.get("latest") if isinstance(checkpoint, dict) else ""
        resources = latest.get("resources") if isinstance(latest, dict) else latest
        if resources is not None and not (
            isinstance(resources, list) and all(isinstance(entry, dict) for entry in resources)
        ):
            raise StateUnreadable(
                f"The state of {self._stack} is not a Pulumi checkpoint: restore it from the .bak "
                "file beside it."
            )
        return document

    def _resources(self) -> tuple[ResourceState, ...]:
        from engine.deployment_codec import DeploymentCodec

        project = self._project()
        text = self._backend(project).read()
        if text is None:
            return ()
        config = StackConfig.load(self._config_file, project)
        secrets = PassphraseSecrets(
            config.encryption_salt, self._passphrase, key_file=self._key_file
        )
        codec = DeploymentCodec(f"organization/{project.name}/{self._stack}", secrets)
        return codec.decode(text).resources


@contextmanager
def _locked(backend: FileBackend) -> Iterator[None]:
    """Hold the stack's lock. Raises ``StackLocked``."""
    lock = StackLock(backend.lock_dir)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _ignore(_: EngineEvent) -> None:
    """The sink of a caller that wants no events."""
