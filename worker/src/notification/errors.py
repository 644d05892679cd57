"""The error codes that the service answers with, and the errors that carry them."""

from collections.abc import Mapping
from typing import Any

STATUS: Mapping[str, int] = {
    "INVALID_REQUEST": 400,
    "INVALID_USER_ID": 400,
    "INVALID_CHANNELS": 400,
    "INVALID_CHANNEL_TYPE": 400,
    "INVALID_TEMPLATE_KEY": 400,
    "INVALID_VARIABLES": 400,
    "INVALID_CUSTOM_CONTENT": 400,
    "INVALID_CONTENT": 400,
    "INVALID_SUBJECT": 400,
    "INVALID_METADATA": 400,
    "MISSING_CONTENT": 400,
    "INVALID_IDEMPOTENCY_KEY": 400,
    "SECURITY_THREAT_DETECTED": 400,
    "TEMPLATE_NOT_FOUND": 400,
    "USER_NO_CHANNELS": 400,
    "MISSING_PARAMETER": 400,
    "INVALID_PARAMETER": 400,
    "VALIDATION_ERROR": 400,
    "MISSING_SIGNATURE": 401,
    "INVALID_TIMESTAMP": 401,
    "REQUEST_EXPIRED": 401,
    "INVALID_SIGNATURE": 401,
    "UNAUTHORIZED": 401,
    "METRICS_UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "IDEMPOTENCY_IN_PROGRESS": 409,
    "LOOP_DETECTED": 409,
    "LOG_IN_FLIGHT": 409,
    "TASK_RUNNING": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "IDEMPOTENCY_KEY_REUSED": 422,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "ADAPTER_ERROR": 500,
    "QUEUE_ERROR": 500,
    "NOT_SUPPORTED": 501,
    "D1_NOT_BOUND": 502,
    "KV_NOT_BOUND": 502,
    "DB_ERROR": 503,
    "MAINTENANCE": 503,
    "WEAK_SECRET": 503,
}


class ServiceError(Exception):
    """A refusal with a code of `STATUS` and a text for the caller.

    Args:
        code: the code, which fixes the status.
        text: the text that the caller reads.
        details: more for the caller; it must hold no secret, SQL or stack trace.
        retry_after: in seconds; becomes the header and the field of that name.
        headers: headers of the answer.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        details: Any = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = STATUS[code]
        self.details = details
        self.retry_after = retry_after
        self.headers = dict(headers or {})


class ChannelRefusal(Exception):
    """A configuration or message that a channel can't work with; repeating won't help.

    `code` is a code of the contract, and `text` is for the caller.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
