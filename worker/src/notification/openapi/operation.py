"""What is declared of a handler, beside the route that leads to it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
"""JSON Schema, dialect 2020-12, as OpenAPI 3.1 has it."""


class Parameter(NamedTuple):
    """A query parameter or a header."""

    name: str
    schema: Schema
    description: str = ""
    where: str = "query"


class Operation(NamedTuple):
    """One handler.

    Attributes:
        tag: the group it is shown in.
        answers: the schema of the JSON body by status.
        parameters: those of the path are taken from the route.
        body: the schema of the JSON body; None where there is none.
        body_types: further media types of the body, taken as they are.
        body_required: whether there must be a body.
        errors: codes beyond those that every route of its access can answer.
        failure_fields: fields that its error answers carry beyond the envelope.
        text_answer: media type of an answer 200 that is no JSON.
    """

    tag: str
    answers: Mapping[int, Schema]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_types: tuple[str, ...] = ()
    body_required: bool = True
    errors: tuple[str, ...] = ()
    failure_fields: Mapping[str, Schema] = {}
    text_answer: str = ""
