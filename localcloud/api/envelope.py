"""The envelope of every answer: success, errors, messages, result, result_info."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

Model = TypeVar("Model", bound=BaseModel)
DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 1000


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


def page(request: Request, found: Sequence[Any], *, code: int = 10026) -> JSONResponse:
    """One page of a list, chosen by `page` and `per_page`, with its `result_info`.

    Raises ApiError(400, code) for a page below 1 or a size outside 1 to 1000.
    """
    number = _whole(request, "page", 1, code, limit=10**9)
    size = _whole(request, "per_page", DEFAULT_PER_PAGE, code, limit=MAX_PER_PAGE)
    shown = list(found[(number - 1) * size : number * size])
    info = {
        "page": number,
        "per_page": size,
        "count": len(shown),
        "total_count": len(found),
        "total_pages": math.ceil(len(found) / size),
    }
    return success(shown, info=info)


def _whole(request: Request, name: str, default: int, code: int, *, limit: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= limit:
        raise ApiError(400, code, f"{name} must be a whole number from 1 to {limit}.")
    return int(text)


async def body_json(request: Request, *, code: int) -> Any:
    """The request's JSON. Raises ApiError(400, code) where it can't be parsed."""
    try:
        return json.loads(await request.body())
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        message = "Could not parse request body. Please ensure the request is valid and try again."
        raise ApiError(400, code, message) from error


def parse(model: type[Model], document: Any, *, code: int) -> Model:
    """The typed body. Raises ApiError(400, code), naming each wrong field but no value of it."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc']) or 'body'}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False)
        )
        raise ApiError(400, code, f"Invalid request body: {wrong}.") from error


async def body_model(request: Request, model: type[Model], *, code: int) -> Model:
    """Read, parse and check the body in one go. Raises ApiError(400, code)."""
    return parse(model, await body_json(request, code=code), code=code)
