"""One run of the engine: its context, its tally, and whether it has to end."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import EngineError, Stopped
from engine.redaction import Redaction
from engine.report import EngineEvent, EventSink, OperationKind, Severity
from engine.urn import Urn, label

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunContext:
    """What an operation runs with.

    Attributes:
        config: the stack's settings in clear text.
        secret_keys: the names of those that are secret.
        environment: everything that program and stand-ins see of credentials.
    """

    kind: OperationKind
    project: str
    stack: str
    root: Path
    program: Path
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_keys: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def dry_run(self) -> bool:
        """True for previews: no call that changes anything, no write."""
        return self.kind == "preview"


class Operation:
    """Counts steps, reports events, and stops everything after the first failure. Thread-safe."""

    def __init__(self, run_context: RunContext, sink: EventSink) -> None:
        self.run_context = run_context
        self.redaction = Redaction()
        self._sink = sink
        self.sink_error: Exception | None = None
        self._lock = threading.Condition()
        self._running = 0
        self._failure: str | None = None
        self._stopped = False
        self._changes: Counter[str] = Counter()
        self._steps: list[tuple[str, str]] = []

    @property
    def dry_run(self) -> bool:
        """See ``RunContext.dry_run``."""
        return self.run_context.dry_run

    @property
    def failure(self) -> str | None:
        """The first failure's sentence."""
        return self._failure

    @property
    def changes(self) -> dict[str, int]:
        """Resources counted by operation."""
        with self._lock:
            return dict(sorted(self._changes.items()))

    @property
    def steps(self) -> list[tuple[str, str]]:
        """(operation, URN) in the order done, without unchanged ones."""
        with self._lock:
            return list(self._steps)

    def fail(self, message: str) -> None:
        """Record a failure (the first one is kept) and let no new step begin."""
        with self._lock:
            if self._failure is None:
                self._failure = self.redaction(message)
            self._stopped = True

    def raise_if_stopped(self) -> None:
        """Raise ``Stopped`` once no new step may begin."""
        if self._stopped:
            raise Stopped("The operation is ending.")

    def wait_for_steps(self) -> None:
        """Block until every step that has begun is over."""
        with self._lock:
            self._lock.wait_for(lambda: self._running == 0)

    @contextlib.contextmanager
    def step(self, op: str, urn: str, *, shown: bool = True, counted: str = "") -> Iterator[None]:
        """Run one step: events around it, a tally under ``counted`` (``op`` unless told), and a
        failure recorded with the sentence a person needs. The error goes on to the caller.
        """
        self.raise_if_stopped()
        with self._lock:
            self._running += 1
        try:
            if shown:
                self._emit_step("step_started", op, urn)
            yield
            if shown:
                self._tally(op, urn, counted)
                self._emit_step("step_done", op, urn)
        except Exception as error:
            self._step_failed(op, urn, error)
            raise
        finally:
            with self._lock:
                self._running -= 1
                self._lock.notify_all()

    def _tally(self, op: str, urn: str, counted: str) -> None:
        with self._lock:
            if op not in ("create-replacement", "delete-replaced"):
                self._changes[counted or op] += 1
            if op != "same":
                self._steps.append((op, urn))

    def _step_failed(self, op: str, urn: str, error: Exception) -> None:
        if isinstance(error, Stopped):
            return
        _log.debug("%s of %s failed", op, urn, exc_info=error)
        why = str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
        sentence = (
            f"{op} of {label(urn)} failed: {why.rstrip('.')}. What was done before it is kept; "
            f"correct the cause and run {_again(self.run_context.kind)} again."
        )
        self._emit_step("step_failed", op, urn, sentence)
        self.fail(sentence)

    def _emit_step(self, kind: str, op: str, urn: str, message: str = "") -> None:
        parsed = Urn.parse(urn)
        self.emit(
            EngineEvent(
                kind=kind,  # type: ignore[arg-type] # one of the three literals above
                op=op,
                urn=urn,
                type=parsed.type,
                name=parsed.name,
                message=self.redaction(message),
                severity="error" if kind == "step_failed" else "info",
            )
        )

    def say(self, message: str, *, severity: Severity = "info", urn: str = "") -> None:
        """Report one diagnostic line."""
        text = self.redaction(message)
        self.emit(EngineEvent(kind="diagnostic", urn=urn, message=text, severity=severity))

    def emit(self, event: EngineEvent) -> None:
        """Hand an event to the caller, one at a time.

        A caller that fails hears nothing more, and its error waits for the end: raised in a step
        it would leave that step, and whoever waits for it, without an end.
        """
        with self._lock:
            if self.sink_error is not None:
                return
            try:
                self._sink(event)
            except Exception as error:
                self.sink_error = error


def _again(kind: OperationKind) -> str:
    return "up" if kind == "update" else kind
