"""Recipients: where they are reached, and what is kept about them."""

from notification.channels.registry import CHANNELS
from notification.openapi.operation import Operation, Parameter, Schema
from notification.openapi.schemas import (
    ANY_OBJECT,
    ANY_OBJECT_OR_NULL,
    ANYTHING,
    CHANNEL,
    FLAG,
    LIMIT,
    OFFSET,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    WHOLE,
    array,
    choice,
    config_name,
    record,
    shared,
    succeeded,
)
from notification.routes import persons, user_configs

_USER = Parameter("user_id", TEXT)
_CHANNEL = Parameter("channel_type", CHANNEL)
_CHANNEL_TOO = Parameter("channel", CHANNEL, "Another name of channel_type")
_CONFIG = record(
    {},
    {
        "user_id": {"type": "string", "minLength": 1, "maxLength": 100},
        "channel_type": CHANNEL,
        "channel": CHANNEL,
        "config_data": {"anyOf": [shared(config_name(name)) for name in CHANNELS]},
        "config": ANY_OBJECT,
        "is_active": FLAG,
    },
)
# Which of them it is, the channel says.
_SAVE: Schema = {
    **_CONFIG,
    "oneOf": [
        *(
            {
                "title": name,
                "type": "object",
                "properties": {
                    "channel_type": {"type": "string", "pattern": f"^{name}(:|$)"},
                    "config_data": shared(config_name(name)),
                },
                "required": ["channel_type"],
                "additionalProperties": True,
            }
            for name in CHANNELS
        ),
        {"not": {"required": ["channel_type"]}},
    ],
}
_EXPORTED_CONFIG = record(
    {
        "id": WHOLE,
        "channel_type": TEXT,
        "config_data": ANY_OBJECT_OR_NULL,
        "is_active": FLAG,
        "created_at": TIME,
        "updated_at": TIME,
    }
)
_EXPORTED_KEY = record(
    {
        "idempotency_key": TEXT,
        "message_ids": array(TEXT),
        "status": choice("in_progress", "completed"),
        "results": ANYTHING,
        "expires_at": TIME,
        "created_at": TIME,
    }
)
_EXPORTED_HOLD = record(
    {"channel_type": TEXT, "held_until": TIME, "reason": TEXT, "created_at": TIME}
)
_EXPORT = record(
    {
        "user_id": TEXT,
        "exported_at": TIME,
        "configs": array(_EXPORTED_CONFIG),
        "notifications": array(shared("Notification")),
        "idempotency_keys": array(_EXPORTED_KEY),
        "holds": array(_EXPORTED_HOLD),
        "next_after": {"type": ["integer", "null"]},
        "next_key": TEXT_OR_NULL,
    }
)
_ERASED = record(
    {
        "user_id": TEXT,
        "deleted": record({"configs": WHOLE, "notifications": WHOLE, "idempotency_keys": WHOLE}),
        "complete": FLAG,
    }
)
_ONE = succeeded({"message": TEXT, "data": shared("Configuration")})

OPERATIONS = {
    user_configs.list_configs: Operation(
        tag="Recipients",
        parameters=(
            _USER,
            _CHANNEL,
            _CHANNEL_TOO,
            LIMIT,
            OFFSET,
            Parameter("mask", choice("true", "false"), "Show both ends of secrets"),
        ),
        answers={
            200: succeeded(
                {"data": array(shared("Configuration"))},
                {"meta": record({"total": WHOLE}, {"total_capped": FLAG})},
            )
        },
        errors=("VALIDATION_ERROR", "INVALID_USER_ID", "SECURITY_THREAT_DETECTED"),
    ),
    user_configs.save_config: Operation(
        tag="Recipients",
        body=_SAVE,
        answers={200: _ONE, 201: _ONE},
        errors=(
            "MISSING_PARAMETER",
            "VALIDATION_ERROR",
            "INVALID_USER_ID",
            "SECURITY_THREAT_DETECTED",
        ),
    ),
    user_configs.delete_config: Operation(
        tag="Recipients",
        parameters=(_USER, _CHANNEL, _CHANNEL_TOO),
        answers={200: succeeded({"message": TEXT})},
        errors=(
            "MISSING_PARAMETER",
            "VALIDATION_ERROR",
            "INVALID_USER_ID",
            "SECURITY_THREAT_DETECTED",
            "NOT_FOUND",
        ),
    ),
    persons.export_person: Operation(
        tag="Recipients",
        parameters=(
            LIMIT,
            Parameter("after", {"type": "integer", "minimum": 0}, "A page's `next_after`"),
            Parameter("after_key", TEXT, "A page's `next_key`"),
        ),
        answers={200: succeeded({"data": _EXPORT})},
        errors=("INVALID_USER_ID", "SECURITY_THREAT_DETECTED", "NOT_FOUND"),
    ),
    persons.erase_person: Operation(
        tag="Recipients",
        parameters=(Parameter("force", choice("true", "false")),),
        answers={200: succeeded({"message": TEXT, "data": _ERASED})},
        errors=("INVALID_USER_ID", "SECURITY_THREAT_DETECTED", "NOT_FOUND", "LOG_IN_FLIGHT"),
    ),
}
