"""What every operation on one stack is given."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from infra.release import COMMIT_VARIABLE
from infra.settings import KnownSettings, SettingsError, StackFile
from infra.settings.problems import PROJECT
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError
from ops.stacks.origin import Origin, git
from ops.stacks.project import Project


def read_stack_file(path: Path) -> StackFile:
    """Read a stack's settings file.

    Raises:
        UsageError: it is no such file.
    """
    try:
        return StackFile.read(path)
    except SettingsError as error:
        raise UsageError(str(error)) from None


@dataclass(frozen=True)
class StackContext:
    """One stack, as a command found it when it began.

    Attributes:
        project: the project's folder.
        stack: the stack's name.
        file: the stack's settings file.
        reporter: where steps are shown.
        environment: the process's environment variables.
    """

    project: Project
    stack: str
    file: StackFile
    reporter: Reporter
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(
        cls,
        project: Project,
        stack: str,
        reporter: Reporter,
        *,
        path: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> StackContext:
        """Read the stack's settings file.

        Args:
            project: the project's folder.
            stack: the stack's name.
            reporter: where steps are shown.
            path: the settings file; ``None`` takes the project's ``Pulumi.STACK.yaml``.
            environment: environment variables; ``None`` takes the process's.

        Raises:
            UsageError: there is no such stack, or its file can't be read.
        """
        if path is None:
            path = project.stack_file(stack)
        elif not path.is_file():
            raise UsageError(f"The settings file {path} doesn't exist.")
        found = dict(os.environ) if environment is None else environment
        return cls(project, stack, read_stack_file(path.resolve()), reporter, found)

    @property
    def is_local(self) -> bool:
        """Whether every API that the stack talks to is on this machine."""
        return self.file.is_loopback

    @property
    def settings(self) -> KnownSettings:
        """The settings of the stack's file, none of them wrong.

        Raises:
            UsageError: with every mistake in the file but what is missing.
        """
        try:
            return self.file.settings
        except SettingsError as error:
            raise UsageError(str(error)) from None

    def known_settings(self, *keys: str) -> KnownSettings:
        """Return the settings as far as the file tells them, the named ones certainly right.

        Raises:
            UsageError: one of those named is wrong.
        """
        try:
            return self.file.known_with(*keys)
        except SettingsError as error:
            raise UsageError(str(error)) from None

    @property
    def environment_name(self) -> str:
        """What the Worker reports itself to be; the stack's name where the file doesn't tell."""
        return self.file.known.environment or self.stack

    @property
    def is_production(self) -> bool:
        """Whether the stack serves production, whose gates stop instead of warning."""
        return self.environment_name == "production"

    @property
    def is_development(self) -> bool:
        """Whether data may be made up and lost.

        Raises:
            UsageError: the setting that tells is wrong.
        """
        return self.known_settings("environment").environment == "development"

    @cached_property
    def origin(self) -> Origin:
        """Who runs the command, and from which code."""
        return Origin.find(self.project.root, self.environment)

    @cached_property
    def commit(self) -> str:
        """The git commit that a deployment is said to be made from; empty outside a repository."""
        return self.environment.get(COMMIT_VARIABLE) or git(self.project.root, "rev-parse", "HEAD")

    def of_commit(self, commit: str) -> StackContext:
        """Return the context of a deployment that is made from ``commit``."""
        return replace(self, environment={**self.environment, COMMIT_VARIABLE: commit})

    def of_stack(self, stack: str, path: Path) -> StackContext:
        """Return the context of another stack, whose settings file is ``path``."""
        return replace(self, stack=stack, file=read_stack_file(path))

    def in_checkout(self, project: Project) -> StackContext:
        """Return the context in another checkout, which has the file of its own if this one has."""
        path = self.file.path
        own = project.root / path.name
        if path.parent == self.project.root and own.is_file():
            path = own
        return replace(self, project=project, file=read_stack_file(path))

    @contextmanager
    def with_config(self, config: Mapping[str, Any]) -> Iterator[StackContext]:
        """Give the context with other settings, in a file that is gone after the block.

        Args:
            config: all settings, by full key.
        """
        document = {**self.file.content, "config": dict(config)}
        with tempfile.TemporaryDirectory(prefix="notifyctl-settings-") as folder:
            path = Path(folder) / f"Pulumi.{self.stack}.yaml"
            path.write_text(yaml.safe_dump(document), encoding="utf-8")
            path.chmod(0o600)
            yield self.of_stack(self.stack, path)

    @contextmanager
    def with_settings(self, settings: Mapping[str, Any]) -> Iterator[StackContext]:
        """Give the context with ``settings``, by short names, over those of the file."""
        named = {f"{PROJECT}:{name}": value for name, value in settings.items()}
        with self.with_config({**self.file.config, **named}) as context:
            yield context
