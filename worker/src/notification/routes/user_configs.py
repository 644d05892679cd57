"""`/api/user-configs` and its aliases under `/api/users/{id}/configs`."""

from typing import Any

from notification.channels.registry import CHANNELS
from notification.configuration.channel_config import ChannelConfig
from notification.configuration.config_service import EVERY_CHANNEL, ConfigService
from notification.configuration.masking import mask, mask_both_ends, mask_config
from notification.errors import ServiceError
from notification.http.parameters import switch, whole_number
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.identity import recipient_id
from notification.logging import Log
from notification.storage.capped_count import shown_total

_FIELDS = frozenset(
    (
        *("user_id", "channel_type", "channel", "config_data", "config", "is_active"),
        # An answer may be sent back as it is.
        *("id", "created_at", "updated_at", "config_error"),
        *("deactivated_at", "deactivated_reason"),
    )
)
_REQUIRED = "Missing required fields: user_id, channel_type, config_data"


async def _service(call: Call, user_id: str | None) -> ConfigService:
    """Return the service over one user's configurations, or over everybody's."""
    platform = call.platform
    log = Log.of(platform, requestId=call.request.id)
    if user_id is not None:
        platform = await platform.for_user(user_id)
    database = platform.everywhere if user_id is None else platform.database
    return ConfigService(platform, database, own_host=call.request.host, log=log)


def _shown(config: ChannelConfig, *, both_ends: bool = False) -> dict[str, Any]:
    how = mask_both_ends if both_ends else mask
    shown = {
        "id": config.id,
        "user_id": config.user_id,
        "channel_type": config.channel,
        "config_data": None if config.config is None else mask_config(config.config, how),
        "is_active": config.is_active,
        "created_at": config.created_at,
        "updated_at": config.updated_at,
    }
    if config.deactivated_at is not None:
        shown["deactivated_at"] = config.deactivated_at
        shown["deactivated_reason"] = config.deactivated_reason
    if config.config is None:
        shown["config_error"] = "INVALID_CONFIG"
    return shown


def _known_channel(channel: str) -> str:
    if channel not in CHANNELS:
        raise ServiceError(
            "VALIDATION_ERROR",
            f"Invalid channel_type. Must be one of: {', '.join(CHANNELS)}",
        )
    return channel


async def list_configs(call: Call) -> Response:
    """List configurations, inactive ones included: one user's, or all with `meta.total`."""
    query = call.request.query
    user_id = call.parameters.get("user_id") or query.get("user_id") or None
    user_id = None if user_id is None else recipient_id(user_id)
    channel = query.get("channel_type") or query.get("channel") or None
    if channel is not None:
        _known_channel(channel)
    limit = whole_number(query, "limit", default=100, maximum=1000)
    offset = whole_number(query, "offset", default=0, minimum=0)
    both_ends = switch(query, "mask") is True
    service = await _service(call, user_id)
    if user_id is not None and channel is not None:
        found = await service.find(user_id, channel)
        return success(data=[_shown(found, both_ends=both_ends)] if found else [])
    configs, total = await service.list(
        user_id=user_id, channel=channel, limit=limit, offset=offset
    )
    data = [_shown(config, both_ends=both_ends) for config in configs]
    return success(data=data) if user_id else success(data=data, meta=shown_total(total))


async def save_config(call: Call) -> Response:
    """Create or replace a configuration: 201 if it is new, else 200."""
    body = call.request.json_object()
    call.request.check_fields(body, _FIELDS)
    user_id = call.parameters.get("user_id") or body.get("user_id")
    channel = call.parameters.get("channel") or body.get("channel_type") or body.get("channel")
    place = "config_data" if "config_data" in body else "config"
    config = body.get(place)
    is_active = body.get("is_active")
    if not user_id or not channel or (config is None and is_active is None):
        raise ServiceError("MISSING_PARAMETER", _REQUIRED)
    if not isinstance(channel, str):
        channel = str(channel)
    _known_channel(channel)
    if config is not None and not isinstance(config, dict):
        raise ServiceError("VALIDATION_ERROR", "config_data must be an object")
    if is_active is not None and not isinstance(is_active, bool):
        raise ServiceError("VALIDATION_ERROR", "is_active must be a boolean")
    call.request.check_fields(config, EVERY_CHANNEL | CHANNELS[channel].fields.keys(), place)
    user_id = recipient_id(user_id)
    service = await _service(call, user_id)
    saved, created = await service.save(user_id, channel, config, is_active)
    verb = "created" if created else "updated"
    return success(
        status=201 if created else 200,
        message=f"User configuration {verb} successfully",
        data=_shown(saved),
    )


async def delete_config(call: Call) -> Response:
    """Delete a configuration, active or not; 404 if there is none."""
    query = call.request.query
    user_id = call.parameters.get("user_id") or query.get("user_id")
    channel = call.parameters.get("channel") or query.get("channel_type") or query.get("channel")
    if not user_id or not channel:
        raise ServiceError(
            "MISSING_PARAMETER", "Missing required parameters: user_id, channel_type"
        )
    user_id = recipient_id(user_id)
    _known_channel(channel)
    await (await _service(call, user_id)).delete(user_id, channel)
    return success(message="User configuration deleted successfully")


_ONE = "/api/users/{user_id}/configs/{channel}"

ROUTES = (
    Route(
        "GET",
        "/api/user-configs",
        list_configs,
        aliases=("/api/users/{user_id}/configs",),
        query=("user_id", "channel_type", "channel", "limit", "offset", "mask"),
    ),
    Route("POST", "/api/user-configs", save_config),
    Route("PUT", _ONE, save_config),
    Route(
        "DELETE",
        "/api/user-configs",
        delete_config,
        aliases=(_ONE,),
        query=("user_id", "channel_type", "channel"),
    ),
)
