"""Making calls over HTTP: signing, retries, hooks."""

from __future__ import annotations

import time
from typing import TypeVar

import httpx

from notification_sdk._call import Call, read_answer
from notification_sdk._errors import NotFoundError, NotificationError, ValidationError
from notification_sdk._options import Options, request_error
from notification_sdk._signing import signature_headers
from notification_sdk._sleeping import AsyncSleep

T = TypeVar("T")


class AsyncCaller:
    """Makes calls to one service.

    Args:
        options: the client's settings.
        http: the HTTP client, whose base URL is the service's.
        sleep: waits for some seconds.
    """

    def __init__(self, options: Options, http: httpx.AsyncClient, sleep: AsyncSleep) -> None:
        self.options = options
        self._http = http
        self.sleep = sleep

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, call: Call[T]) -> T:
        """Make a call, again where that is safe and may help, and return its result.

        Raises:
            NotificationError: the last try failed.
        """
        content = call.content()
        retries = 0
        while True:
            try:
                return await self._try(call, content)
            except NotificationError as error:
                if retries and call.when_gone is not None and isinstance(error, NotFoundError):
                    return call.when_gone()
                wait = self.options.retry.wait(error, retries=retries, repeatable=call.repeatable)
                if wait is None:
                    raise
            retries += 1
            await self.sleep(wait)

    async def _try(self, call: Call[T], content: bytes) -> T:
        if self.options.pacer is not None:
            await self.sleep(self.options.pacer.wait(time.monotonic()))
        response = await self._exchange(call.method, call.target, content)
        try:
            return read_answer(call, response, now=self.options.now())
        except NotificationError as error:
            raise self.options.failed(error) from None

    async def _exchange(self, method: str, target: str, content: bytes) -> httpx.Response:
        options = self.options
        try:
            request = self._http.build_request(method, target, content=content)
        except httpx.InvalidURL as error:
            text = f"{method} {target[:100]} can't be asked for: {error}."
            raise ValidationError(text, code="INVALID_REQUEST") from None
        if content:
            request.headers["Content-Type"] = "application/json"
        if options.api_key:
            request.headers.update(
                signature_headers(
                    options.api_key,
                    now=options.now(),
                    method=method,
                    target=request.url.raw_path.decode("ascii"),
                    body=content,
                )
            )
        if options.hooks.on_request is not None:
            options.hooks.on_request(request)
        try:
            response = await self._http.send(request)
        except httpx.RequestError as error:
            timeout = self._http.timeout.read or 0.0
            raise options.failed(request_error(error, options.base_url, timeout)) from error
        if options.hooks.on_response is not None:
            options.hooks.on_response(response)
        return response
