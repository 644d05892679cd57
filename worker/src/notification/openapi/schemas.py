"""The schemas that operations share, and short forms for writing them."""

from collections.abc import Mapping
from typing import Any

from notification.channels.channel import ENDPOINT_PATTERN, MAX_NAME
from notification.channels.registry import CHANNELS
from notification.configuration.masking import is_secret
from notification.identity import MAX_KEY
from notification.openapi.operation import Parameter, Schema

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
KEY: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
ANY_OBJECT: Schema = {"type": "object", "additionalProperties": True}
ANY_OBJECT_OR_NULL: Schema = {"type": ["object", "null"], "additionalProperties": True}
ANYTHING: Schema = {}
TRUE: Schema = {"const": True}


def choice(*values: str) -> Schema:
    """Return the schema of one of several texts."""
    return {"type": "string", "enum": list(values)}


def array(of: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": of}


def map_of(values: Schema) -> Schema:
    """Return the schema of an object with any names."""
    return {"type": "object", "additionalProperties": values}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of an object with required and optional fields."""
    schema: dict[str, Any] = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        schema["required"] = list(required)
    return schema


def closed(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of an object that is refused with any other field."""
    return {**record(required, optional), "additionalProperties": False}


def shared(name: str) -> Schema:
    """Refer to a schema of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def succeeded(
    required: Mapping[str, Schema] | None = None, optional: Mapping[str, Schema] | None = None
) -> Schema:
    """Return the schema of the success envelope with these fields."""
    return record({"success": TRUE, **(required or {})}, optional)


LIMIT = Parameter("limit", {"type": "integer", "minimum": 1}, "How many at most")
OFFSET = Parameter("offset", {"type": "integer", "minimum": 0, "default": 0}, "How many to skip")
_ENDPOINT = {"type": "string", "pattern": f"^{ENDPOINT_PATTERN}$", "maxLength": MAX_NAME}
CHANNEL: Schema = {"anyOf": [choice(*CHANNELS), _ENDPOINT]}
"""A channel, or one of a recipient's endpoints of it by its name: `telegram:oncall`."""
CONTENT_TYPE = choice("text", "html", "markdown", "json")
ROW_STATUS = choice("pending", "sent", "failed", "retry_scheduled", "cancelled")

PAGINATION = record(
    {"total": WHOLE, "limit": WHOLE, "offset": WHOLE, "hasMore": FLAG}, {"total_capped": FLAG}
)

_NOTIFICATION = {
    "id": WHOLE,
    "message_id": TEXT,
    "user_id": TEXT,
    "channel_type": TEXT,
    "template_key": TEXT_OR_NULL,
    "subject": TEXT_OR_NULL,
    "content": TEXT_OR_NULL,
    "content_type": CONTENT_TYPE,
    "status": choice("pending", "sent", "failed", "retry", "retry_scheduled", "cancelled"),
    "sent_at": TIME_OR_NULL,
    "error": TEXT_OR_NULL,
    "last_error_code": TEXT_OR_NULL,
    "retry_count": WHOLE,
    "redrives": WHOLE,
    "attempts": array(
        record(
            {"at": TIME, "status_code": {"type": ["integer", "null"]}, "duration_ms": WHOLE},
            {
                "version": TEXT,
                "outcome": choice("rejected", "broken", "throttled"),
                "code": TEXT,
                "error": TEXT,
                "retryable": FLAG,
                "unconfirmed": FLAG,
                "truncated": FLAG,
                "note": choice("sent as plain text"),
            },
        )
    ),
    "next_retry_at": TIME_OR_NULL,
    "held_until": TIME_OR_NULL,
    "send_at": TIME_OR_NULL,
    "expires_at": TIME_OR_NULL,
    "request_id": TEXT_OR_NULL,
    "idempotency_key": TEXT_OR_NULL,
    "variables": ANY_OBJECT_OR_NULL,
    "metadata": ANY_OBJECT_OR_NULL,
    "created_at": TIME,
    "updated_at": TIME,
}

_NOT_BRIEF = (
    "content",
    "content_type",
    "attempts",
    "expires_at",
    "idempotency_key",
    "variables",
    "metadata",
)
_WAITS = {"throttled_until": TIME}

_TEMPLATE = {
    "template_key": TEXT,
    "template_name": TEXT,
    "description": TEXT_OR_NULL,
    "variables": array(TEXT),
    "is_active": FLAG,
    "strict": FLAG,
    "created_at": TIME,
    "updated_at": TIME,
}
PROBLEMS = array(record({"channel_type": TEXT, "problem": TEXT}))
_UNKNOWN_FIELDS = record({"code": choice("UNKNOWN_FIELDS"), "message": TEXT, "fields": array(TEXT)})
BODY_WARNINGS = array(_UNKNOWN_FIELDS)
"""What an answer says of the body's fields."""
WARNINGS = array(
    {
        "anyOf": [
            record(
                {
                    "code": choice("UNFILLED_VARIABLES", "TRUNCATED"),
                    "channelType": CHANNEL,
                    "message": TEXT,
                },
                {"variables": array(TEXT)},
            ),
            _UNKNOWN_FIELDS,
        ]
    }
)
"""What an answer to a send says of its body, and of what was sent."""

_RATE = record({}, {"per_second": WHOLE, "per_minute": WHOLE, "burst": WHOLE})
_EVERY_CHANNEL: Mapping[str, Schema] = {
    "timeout": {"type": "integer", "description": "Milliseconds that one call may take"},
    "rate": _RATE,
    "retry_schedule": array({"type": "string", "pattern": "^[0-9]+(s|m|h)$"}),
    "quiet_hours": record({"from": TEXT, "to": TEXT}, {"time_zone": TEXT, "utc_offset": TEXT}),
    "bridge_token": {"type": "string", "minLength": 1, "maxLength": 1_000},
    "inbound_secret": {"type": ["string", "array"], "items": {"type": "string"}},
}
"""Fields that every channel's configuration may have."""


def config_name(channel: str) -> str:
    """Return the name in `COMPONENTS` of a channel's configuration."""
    return f"{channel.capitalize()}Configuration"


def _config(channel: str) -> Schema:
    """Return the schema of a channel's configuration; other fields are kept as they are."""
    declared = CHANNELS[channel]
    fields = {**declared.fields, **_EVERY_CHANNEL}
    for name in filter(is_secret, fields):
        # What shows a form hides what is typed there.
        fields[name] = {**fields[name], "format": "password"}
    return {
        "title": declared.title,
        **record({name: fields[name] for name in declared.sample}, fields),
    }


COMPONENTS: dict[str, Schema] = {
    **{config_name(name): _config(name) for name in CHANNELS},
    "Error": record(
        {"success": {"const": False}, "error": TEXT, "code": TEXT, "request_id": TEXT},
        {"details": ANYTHING, "retryAfter": WHOLE, "warnings": BODY_WARNINGS},
    ),
    "Pagination": PAGINATION,
    "Notification": record(_NOTIFICATION, _WAITS),
    "NotificationBrief": record(
        {name: kind for name, kind in _NOTIFICATION.items() if name not in _NOT_BRIEF}, _WAITS
    ),
    "SendResult": record(
        {
            "channelType": TEXT,
            "status": ROW_STATUS,
            "messageId": TEXT,
            "userId": TEXT,
            "logId": WHOLE,
        },
        {
            "details": ANYTHING,
            "error": TEXT,
            "code": TEXT,
            "truncated": FLAG,
            "held_until": TIME,
            "send_at": TIME,
            "throttled_until": TIME,
            "fallback_of": WHOLE,
        },
    ),
    "Configuration": record(
        {
            "id": WHOLE,
            "user_id": TEXT,
            "channel_type": CHANNEL,
            "config_data": ANY_OBJECT_OR_NULL,
            "is_active": FLAG,
            "created_at": TIME,
            "updated_at": TIME,
        },
        {
            "config_error": choice("INVALID_CONFIG"),
            "deactivated_at": TIME,
            "deactivated_reason": TEXT,
        },
    ),
    "Template": record(
        _TEMPLATE,
        {"revision": WHOLE, "supported_channels": array(TEXT), "problems": PROBLEMS},
    ),
    "TemplateContent": record(
        {
            "id": WHOLE,
            "template_key": TEXT,
            "channel_type": TEXT,
            "content_type": CONTENT_TYPE,
            "subject_template": TEXT_OR_NULL,
            "content_template": TEXT,
            "extra_config": ANY_OBJECT_OR_NULL,
            "created_at": TIME,
            "updated_at": TIME,
        }
    ),
    "TemplateWithContents": record(
        {
            **_TEMPLATE,
            "contents": array(shared("TemplateContent")),
            "template": shared("Template"),
            "problems": PROBLEMS,
        },
        {"revision": WHOLE, "supported_channels": array(TEXT)},
    ),
}
