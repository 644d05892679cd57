"""The envelope of every answer: success, errors, messages, result, result_info."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from localcloud.json_text import parse_json

Model = TypeVar("Model", bound=BaseModel)


class ApiError(Exception):
    """An answer of the API that isn't a success: HTTP status, Cloudflare's code, one sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def success(
    result: Any,
    *,
    status: int = 200,
    info: dict[str, Any] | None = None,
    messages: Sequence[dict[str, Any]] = (),
) -> JSONResponse:
    """A result in the envelope, with `result_info` where `info` is given."""
    body = {"success": True, "errors": [], "messages": list(messages), "result": result}
    if info is not None:
        body["result_info"] = info
    return JSONResponse(body, status_code=status)


def failure(error: ApiError) -> JSONResponse:
    """An error in the envelope."""
    errors = [{"code": error.code, "message": error.message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return JSONResponse(body, status_code=error.status)


async def body_json(request: Request, *, code: int) -> Any:
    """The request's JSON. Raises ApiError(400, code) where it can't be parsed."""
    try:
        return parse_json(await request.body())
    except ValueError as error:
        message = "Could not parse request body. Please ensure the request is valid and try again."
        raise ApiError(400, code, message) from error


def parse(model: type[Model], document: Any, *, code: int) -> Model:
    """The typed body. Raises ApiError(400, code), naming each wrong field but no value of it."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'body'}: {_said(detail['type'], detail['msg'])}"
            for detail in error.errors(include_input=False, include_url=False)
        )
        raise ApiError(400, code, f"Invalid request body: {wrong}.") from error


def _said(kind: str, text: str) -> str:
    """Return what is wrong without the names of Python's classes, which a client doesn't know."""
    return (
        "Input should be an object" if kind == "model_type" else text.removeprefix("Value error, ")
    )


async def body_model(request: Request, model: type[Model], *, code: int) -> Model:
    """Read, parse and check the body in one go. Raises ApiError(400, code)."""
    return parse(model, await body_json(request, code=code), code=code)
