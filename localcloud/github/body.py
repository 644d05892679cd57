"""Reading a request's JSON object."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from localcloud.github.error import GithubError, wrong_type
from localcloud.json_text import parse_json


async def body_of(request: Request) -> dict[str, Any]:
    """The body's object; an empty body is an empty one.

    Raises GithubError: 400 where it isn't JSON, 422 where it is no object.
    """
    text = await request.body()
    if not text.strip():
        return {}
    try:
        document = parse_json(text)
    except ValueError as error:
        raise GithubError(400, "Problems parsing JSON") from error
    if not isinstance(document, dict):
        raise GithubError(422, "Invalid request.\n\nThe body is not an object.")
    return document


def text_in(document: dict[str, Any], field: str) -> str | None:
    """An optional text. Raises GithubError(422) where it is something else."""
    value = document.get(field)
    if value is not None and not isinstance(value, str):
        raise wrong_type(field)
    return value


def flag_in(document: dict[str, Any], field: str, *, default: bool) -> bool:
    """An optional truth value. Raises GithubError(422) where it is something else."""
    value = document.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise wrong_type(field)
    return value
