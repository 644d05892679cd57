"""Stands for what a command calls: it notes the calls, and answers as told."""

from __future__ import annotations

from typing import Any


class Noted:
    """Stands for whatever a command works with: notes its calls, and answers as told."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *given: Any, **named: Any) -> Noted:
        self.calls.append(("made", given, named))
        return self

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.calls.append((name, given, named))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def named(self, name: str) -> dict[str, Any]:
        """The named values of the last call of a name."""
        return [named for called, _, named in self.calls if called == name][-1]

    def count(self, name: str) -> int:
        return len([called for called, _, _ in self.calls if called == name])

    @property
    def called(self) -> list[str]:
        return [name for name, _, _ in self.calls]

    def given(self, name: str) -> tuple[Any, ...]:
        return [given for called, given, _ in self.calls if called == name][-1]
