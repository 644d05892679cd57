"""Templates."""

from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    ANY_OBJECT,
    ANYTHING,
    CONTENT_TYPE,
    FLAG,
    LIMIT,
    OFFSET,
    TEXT,
    TEXT_OR_NULL,
    array,
    choice,
    map_of,
    record,
    shared,
    succeeded,
)
from notification.routes import templates

_KEY = Parameter("key", {"type": "string"}, "The template's key")
_CONTENT = record(
    {"content_template": {"type": ["string", "object"]}},
    {
        "content_type": CONTENT_TYPE,
        "subject_template": TEXT_OR_NULL,
        "extra_config": ANYTHING,
    },
)
_LISTED = record(
    {"content_template": {"type": ["string", "object"]}},
    {
        "channel_type": TEXT,
        "type": TEXT,
        "content_type": CONTENT_TYPE,
        "subject_template": TEXT_OR_NULL,
        "extra_config": ANYTHING,
    },
)
_SAVE = record(
    {},
    {
        "template_key": TEXT,
        "key": TEXT,
        "name": TEXT,
        "template_name": TEXT,
        "description": TEXT_OR_NULL,
        "variables": array(TEXT),
        "is_active": FLAG,
        "strict": {"type": ["boolean", "null"]},
        "contents": map_of(_CONTENT),
        "channels": array(_LISTED),
    },
)
_PREVIEWED = record(
    {
        "subject": TEXT_OR_NULL,
        "content": TEXT,
        "content_type": CONTENT_TYPE,
        "missing_variables": array(TEXT),
    },
    {"error": TEXT, "payloads": array(ANYTHING), "truncated": FLAG},
)
_WRONG = (
    "MISSING_PARAMETER",
    "INVALID_TEMPLATE_KEY",
    "INVALID_CHANNEL_TYPE",
    "VALIDATION_ERROR",
)
_MISSING = ("MISSING_PARAMETER", "INVALID_TEMPLATE_KEY", "NOT_FOUND")
_DONE = succeeded({"message": TEXT})
_SHOWN = succeeded({"data": shared("TemplateWithContents")})
_LISTING = succeeded({"data": array(shared("Template")), "pagination": shared("Pagination")})

OPERATIONS = {
    templates.list_templates: Operation(
        tag="Templates",
        parameters=(
            _KEY,
            Parameter("include_inactive", choice("true", "false")),
            Parameter("is_active", choice("true", "false")),
            Parameter("channel", TEXT),
            LIMIT,
            OFFSET,
        ),
        answers={200: {"anyOf": [_LISTING, _SHOWN]}},
        errors=(*_MISSING, "INVALID_CHANNEL_TYPE"),
    ),
    templates.show_template: Operation(
        tag="Templates", parameters=(_KEY,), answers={200: _SHOWN}, errors=_MISSING
    ),
    templates.save_template: Operation(
        tag="Templates",
        parameters=(_KEY,),
        body=_SAVE,
        answers={200: succeeded({"message": TEXT, "data": record({"template_key": TEXT})})},
        errors=_WRONG,
    ),
    templates.delete_template: Operation(
        tag="Templates", parameters=(_KEY,), answers={200: _DONE}, errors=_MISSING
    ),
    templates.list_contents: Operation(
        tag="Templates",
        parameters=(_KEY,),
        answers={200: succeeded({"data": array(shared("TemplateContent"))})},
        errors=_MISSING,
    ),
    templates.save_content: Operation(
        tag="Templates",
        parameters=(_KEY,),
        body=_CONTENT,
        answers={
            200: succeeded(
                {"message": TEXT, "data": record({"template_key": TEXT, "channel_type": TEXT})}
            )
        },
        errors=(*_WRONG, "NOT_FOUND"),
    ),
    templates.delete_content: Operation(
        tag="Templates", parameters=(_KEY,), answers={200: _DONE}, errors=_MISSING
    ),
    templates.preview_template: Operation(
        tag="Templates",
        parameters=(_KEY,),
        body=record({}, {"variables": ANY_OBJECT, "channel": TEXT, "contents": map_of(ANYTHING)}),
        answers={200: succeeded({"data": map_of(_PREVIEWED)})},
        errors=(*_MISSING, "INVALID_CHANNEL_TYPE", "INVALID_VARIABLES", "VALIDATION_ERROR"),
    ),
}
