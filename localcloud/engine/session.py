"""One operation from its lock to its history entry."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from localcloud.engine.errors import EngineError, Stopped
from localcloud.engine.event import EngineEvent
from localcloud.engine.file_backend import FileBackend
from localcloud.engine.history_entry import history_entry
from localcloud.engine.operation import Operation
from localcloud.engine.passphrase import PassphraseSecrets
from localcloud.engine.program import Program
from localcloud.engine.property_value import Properties, contains_secret, unwrap
from localcloud.engine.result import UpdateResult
from localcloud.engine.stack_config import StackConfig
from localcloud.engine.stack_lock import StackLock
from localcloud.engine.urn import ROOT_STACK_TYPE

if TYPE_CHECKING:
    from localcloud.engine.deployment_codec import Deployment
    from localcloud.engine.provider_factory import ProviderFactory
    from localcloud.engine.provider_registry import ProviderRegistry
    from localcloud.engine.snapshot import Snapshot


class Session:
    """Runs one operation. With ``write`` it locks the stack, keeps its state and its history."""

    def __init__(
        self,
        *,
        operation: Operation,
        config: StackConfig,
        backend: FileBackend,
        passphrase: str,
        write: bool,
    ) -> None:
        self._operation = operation
        self._config = config
        self._backend = backend
        self._passphrase = passphrase
        self._write = write
        self._kind = operation.circumstances.kind
        self._secrets: PassphraseSecrets | None = None
        self._refusal: EngineError | None = None

    def cancel(self) -> None:
        """Let no new step begin; what runs is finished and kept."""
        self._operation.fail("The operation was cancelled; what was done is kept.")

    def run(self, message: str) -> UpdateResult:
        """Run the operation to its end; raises ``EngineError`` where it can't begin."""
        began = time.time()
        lock = StackLock(self._backend.lock_dir)
        notices = lock.acquire() if self._write else []
        program = None
        try:
            runs_program = self._kind in ("preview", "update")
            program = Program(self._operation) if runs_program else None
            for notice in notices:
                self._operation.say(notice, severity="warning")
            return self._run(program, message, began)
        finally:
            if program is not None:
                program.end()
            lock.release()

    def _run(self, program: Program | None, message: str, began: float) -> UpdateResult:
        deriving = threading.Thread(target=self._derive)
        deriving.start()
        # The slow imports, while the key is derived and the program's process imports the SDK.
        from localcloud.engine.deployment_codec import Deployment, DeploymentCodec
        from localcloud.engine.provider_factory import ProviderFactory
        from localcloud.engine.provider_registry import ProviderRegistry
        from localcloud.engine.snapshot import Snapshot

        if program is not None:
            import localcloud.engine.monitor  # noqa: F401 - warms it up beside the derivation

        text = self._backend.read()
        deriving.join()
        if self._secrets is None:
            raise self._refusal or EngineError("The passphrase's key could not be derived.")
        self._reveal_config(self._secrets)
        circumstances = self._operation.circumstances
        stack = f"organization/{circumstances.project}/{circumstances.stack}"
        codec = DeploymentCodec(stack, self._secrets)
        base = codec.decode(text) if text else Deployment()
        for state in base.resources:
            self._operation.redaction.learn(state.inputs)
            self._operation.redaction.learn(state.outputs)
        snapshot = Snapshot(base, codec, self._backend if self._write else None)
        factory = ProviderFactory(self._operation)
        registry = ProviderRegistry(self._operation, snapshot, factory)
        if self._write:
            self._backend.keep_backup()
        work = _Work(self._operation, base, snapshot, registry, factory)
        outputs = self._guarded(lambda: work.run(program), registry)
        self._set_stack_outputs(snapshot, outputs)
        if self._write:
            # Unchanged resources too: their options and inputs may be new.
            snapshot.settle()
            snapshot.write()
        return self._finish(snapshot, message, began)

    def _derive(self) -> None:
        try:
            self._secrets = PassphraseSecrets(self._config.encryption_salt, self._passphrase)
        except EngineError as error:
            self._refusal = error

    def _reveal_config(self, secrets: PassphraseSecrets) -> None:
        values, secret_keys = self._config.decrypted(secrets)
        for key in secret_keys:
            self._operation.redaction.learn(values[key], secret=True)
        self._operation.circumstances = replace(
            self._operation.circumstances, config=values, secret_keys=secret_keys
        )

    def _guarded(
        self, body: Callable[[], Properties | None], registry: ProviderRegistry
    ) -> Properties | None:
        """Run the work; a Ctrl-C ends it in order: steps that run are finished and kept."""
        try:
            return body()
        except Stopped:
            pass
        except EngineError as error:
            self._operation.fail(str(error))
        except KeyboardInterrupt:
            self.cancel()
        finally:
            self._operation.wait_for_steps()
            registry.close()
        return None

    def _set_stack_outputs(self, snapshot: Snapshot, outputs: Properties | None) -> None:
        """A failed run merges the new outputs over the old ones: some may not exist yet."""
        stack = next((s for s in snapshot.resources if s.type == ROOT_STACK_TYPE), None)
        if stack is None or outputs is None:
            return
        if self._operation.failure is not None:
            outputs = {**stack.outputs, **outputs}
        if outputs != stack.outputs:
            snapshot.amend(stack, replace(stack, outputs=outputs))

    def _finish(self, snapshot: Snapshot, message: str, began: float) -> UpdateResult:
        failure = self._operation.failure
        stack = next((s for s in snapshot.resources if s.type == ROOT_STACK_TYPE), None)
        outputs = stack.outputs if stack is not None else {}
        version = 0
        if self._write:
            entry = history_entry(
                self._operation, self._config, message=message, began=began, ended=time.time()
            )
            self._backend.add_history(entry, snapshot.text())
            version = self._backend.history_length()
        result = UpdateResult(
            kind=self._kind,
            result="succeeded" if failure is None else "failed",
            changes=self._operation.changes,
            steps=self._operation.steps,
            outputs={key: unwrap(value) for key, value in outputs.items()},
            secret_outputs=frozenset(k for k, v in outputs.items() if contains_secret(v)),
            version=version,
            duration_s=time.time() - began,
            message=failure or "",
        )
        summary = ", ".join(f"{count} {op}" for op, count in result.changes.items())
        self._operation.emit(
            EngineEvent(
                kind="summary",
                op=self._kind,
                message=failure or summary or "nothing to do",
                severity="error" if failure else "info",
            )
        )
        return result


class _Work:
    """What the operation's kind asks for."""

    def __init__(
        self,
        operation: Operation,
        base: Deployment,
        snapshot: Snapshot,
        registry: ProviderRegistry,
        factory: ProviderFactory,
    ) -> None:
        self._operation = operation
        self._base = base
        self._snapshot = snapshot
        self._registry = registry
        self._factory = factory

    def run(self, program: Program | None) -> Properties | None:
        """Do it; returns the stack's outputs where a program said them."""
        from localcloud.engine.delete_phase import DeletePhase
        from localcloud.engine.recovery import Recovery
        from localcloud.engine.refresh import Refresh

        if any(state.type.startswith("pulumi-python:") for state in self._base.resources):
            self._factory.dynamic().start()
        if not self._operation.dry_run:
            Recovery(self._operation, self._snapshot, self._registry).run(self._base.pending)
        if program is not None:
            return self._run_program(program)
        if self._operation.circumstances.kind == "refresh":
            Refresh(self._operation, self._snapshot, self._registry).run()
        else:
            DeletePhase(self._operation, self._snapshot, self._registry).run()
        return None

    def _run_program(self, program: Program) -> Properties | None:
        from localcloud.engine.delete_phase import DeletePhase
        from localcloud.engine.monitor import Monitor
        from localcloud.engine.registrar import Registrar

        registrar = Registrar(self._operation, self._snapshot, self._registry)
        monitor = Monitor(self._operation, self._snapshot, self._registry, registrar)
        monitor.start()
        try:
            program.run(monitor)
            self._operation.wait_for_steps()
            if self._operation.failure is None:
                DeletePhase(self._operation, self._snapshot, self._registry).run()
                program.finish(monitor)
        except EngineError as error:
            if not isinstance(error, Stopped):
                self._operation.fail(str(error))
        finally:
            monitor.stop()
        return monitor.stack_outputs
