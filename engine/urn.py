"""Pulumi's uniform resource names.

The form is ``urn:pulumi:STACK::PROJECT::QUALIFIED_TYPE::NAME``; a qualified type is the parent's
qualified type and the own type joined by ``$``, where the root stack is no part of it
(pulumi/pulumi sdk/go/common/resource/urn).
"""

from __future__ import annotations

from dataclasses import dataclass

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Urn:
    """A parsed URN."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Urn:
        """Split a URN; raises ``ValueError`` where it has not the form of one."""
        prefix = "urn:pulumi:"
        parts = text[len(prefix) :].split("::", 3)
        if not text.startswith(prefix) or len(parts) != 4:
            raise ValueError(f"{text!r} is not a Pulumi URN")
        return cls(*parts)

    @classmethod
    def of(cls, *, stack: str, project: str, parent: str, type_: str, name: str) -> Urn:
        """The URN of a resource of ``type_`` under the URN ``parent`` (empty for none)."""
        qualified = type_
        if parent:
            parent_type = cls.parse(parent).qualified_type
            if parent_type != ROOT_STACK_TYPE:
                qualified = f"{parent_type}${type_}"
        return cls(stack, project, qualified, name)

    @property
    def type(self) -> str:
        """The resource's own type, without its parents' types."""
        return self.qualified_type.rsplit("$", 1)[-1]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def label(urn: str) -> str:
    """A short form for messages: ``Type NAME``."""
    parsed = Urn.parse(urn)
    return f"{parsed.type} {parsed.name!r}"
