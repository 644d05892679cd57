"""What is declared about a handler, beside its route."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
"""JSON Schema, dialect 2020-12, as in OpenAPI 3.1."""


class Parameter(NamedTuple):
    """A query parameter or a header."""

    name: str
    schema: Schema
    description: str = ""
    where: str = "query"


class Operation(NamedTuple):
    """The description of one handler.

    Attributes:
        tag: the group it is shown in.
        answers: the schema of the JSON body by status.
        parameters: those of the path are taken from the route.
        body: the schema of the JSON body; None if there is none.
        body_types: further media types of the body.
        body_required: whether there must be a body.
        errors: codes beyond those that every route of its access can answer.
        failure_fields: fields that its error answers carry beyond the envelope.
        names_unknown_fields: whether the answer names fields of the body that have no effect: not
            where the body's form is a foreign program's.
        text_answer: media type of a 200 answer that is not JSON.
    """

    tag: str
    answers: Mapping[int, Schema]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_types: tuple[str, ...] = ()
    body_required: bool = True
    errors: tuple[str, ...] = ()
    failure_fields: Mapping[str, Schema] = {}
    names_unknown_fields: bool = True
    text_answer: str = ""
