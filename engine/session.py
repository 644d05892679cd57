"""One operation from its lock to its history entry."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError, Stopped
from engine.file_backend import FileBackend
from engine.history_entry import history_entry
from engine.operation import Operation
from engine.passphrase import PassphraseSecrets
from engine.program import Program
from engine.property_value import Properties, contains_secret, unwrap
from engine.report import EngineEvent, UpdateResult
from engine.stack_config import StackConfig
from engine.stack_lock import StackLock
from engine.urn import ROOT_STACK_TYPE

if TYPE_CHECKING:
    from engine.snapshot import Snapshot


_log = logging.getLogger(__name__)


class Session:
    """Runs one operation. With ``write`` it locks the stack, keeps its state and its history."""

    def __init__(
        self,
        *,
        operation: Operation,
        config: StackConfig,
        backend: FileBackend,
        passphrase: str,
        key_file: Path | None,
        write: bool,
    ) -> None:
        self._operation = operation
        self._config = config
        self._backend = backend
        self._passphrase = passphrase
        self._key_file = key_file
        self._write = write
        self._kind = operation.run_context.kind
        self._secrets: PassphraseSecrets | None = None
        self._refusal: EngineError | None = None
        self._started = 0.0

    def cancel(self) -> None:
        """Let no new step begin; what runs is finished and kept."""
        self._operation.fail(
            "The operation was cancelled. What was done before that is kept; run it again to go on."
        )

    def run(self, message: str) -> UpdateResult:
        """Run the operation to its end; raises ``EngineError`` where it can't begin."""
        began = time.time()
        self._started = time.monotonic()
        lock = StackLock(self._backend.lock_dir)
        notices = lock.acquire() if self._write else []
        program = None
        try:
            runs_program = self._kind in ("preview", "update")
            program = Program(self._operation) if runs_program else None
            for notice in notices:
                self._operation.say(notice, severity="warning")
            result = self._run(program, message, began)
        finally:
            if program is not None:
                program.end()
            lock.release()
        if self._operation.sink_error is not None:
            raise self._operation.sink_error
        return result

    def _run(self, program: Program | None, message: str, began: float) -> UpdateResult:
        deriving = threading.Thread(target=self._derive)
        deriving.start()
        # The slow imports, while the key is derived and the program's process imports the SDK.
        from engine.deployment_codec import Deployment, DeploymentCodec
        from engine.provider_factory import ProviderFactory
        from engine.provider_registry import ProviderRegistry
        from engine.snapshot import Snapshot
        from engine.work import Work

        text = self._backend.read()
        deriving.join()
        if self._secrets is None:
            raise self._refusal or EngineError("The passphrase's key could not be derived.")
        self._reveal_config(self._secrets)
        run_context = self._operation.run_context
        stack = f"organization/{run_context.project}/{run_context.stack}"
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
        work = Work(self._operation, base, snapshot, registry, factory)
        try:
            outputs = self._guarded(lambda: work.run(program), program)
        finally:
            registry.close()
            factory.close()
        self._set_stack_outputs(snapshot, outputs)
        if self._write:
            # Unchanged resources too: their options and inputs may be new.
            snapshot.settle()
            snapshot.write()
        return self._finish(snapshot, message, began)

    def _derive(self) -> None:
        try:
            self._secrets = PassphraseSecrets(
                self._config.encryption_salt, self._passphrase, key_file=self._key_file
            )
        except EngineError as error:
            self._refusal = error

    def _reveal_config(self, secrets: PassphraseSecrets) -> None:
        values, secret_keys = self._config.decrypted(secrets)
        for key in secret_keys:
            self._operation.redaction.learn(values[key], secret=True)
        self._operation.run_context = replace(
            self._operation.run_context, config=values, secret_keys=secret_keys
        )

    def _guarded(
        self, body: Callable[[], Properties | None], program: Program | None
    ) -> Properties | None:
        """Run the work in a thread of its own, so that a Ctrl-C never cuts a step in two: what
        runs is finished and kept, nothing new begins, and the program is ended.
        """
        done: list[Properties | None] = []

        def work() -> None:
            try:
                done.append(body())
            except Stopped:
                pass
            except Exception as error:
                _log.debug("the operation failed", exc_info=error)
                told = "" if isinstance(error, EngineError) else f"{type(error).__name__}: "
                self._operation.fail(f"{told}{error}")

        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt:
                self.cancel()
                if program is not None:
                    program.end()
        self._operation.wait_for_steps()
        return done[0] if done else None

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
        # Not from two looks at the wall clock: it may be set back meanwhile.
        seconds = time.monotonic() - self._started
        if self._write:
            entry = history_entry(
                self._operation, self._config, message=message, began=began, ended=began + seconds
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
            duration_s=seconds,
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
