"""Property values to and from the protocol's ``google.protobuf.Struct``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from google.protobuf import struct_pb2  # type: ignore[import-untyped] # ships no types

from engine.errors import EngineError, Unsupported
from engine.property_value import (
    ARCHIVE,
    ASSET,
    OUTPUT_VALUE,
    RESOURCE_REFERENCE,
    SECRET,
    SIGNATURE,
    UNKNOWN,
    Properties,
    PropertyValue,
    Secret,
)

_MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""The CLI's own limit: ``MaxRPCMessageSize`` in pulumi/pulumi sdk/go/common/util/rpcutil."""
MESSAGE_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
)


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Decode a Struct: secrets become ``Secret``, output values what they hold, integral floats
    ints. Raises ``Unsupported`` for archives and remote assets.
    """
    return {key: from_value(value) for key, value in struct.fields.items()}


def from_value(value: struct_pb2.Value) -> PropertyValue:
    """Decode one protobuf value; see ``from_struct``."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _from_object(value.struct_value)
    if kind == "list_value":
        return [from_value(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    return None


def _from_object(struct: struct_pb2.Struct) -> PropertyValue:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature == SECRET:
        return Secret(from_value(fields["value"]))
    if signature == OUTPUT_VALUE:
        value = from_value(fields["value"]) if "value" in fields else UNKNOWN
        is_secret = "secret" in fields and fields["secret"].bool_value
        return Secret(value) if is_secret else value
    if signature == ARCHIVE:
        raise Unsupported("an archive", where="A resource")
    decoded = from_struct(struct)
    return _with_hash(decoded) if signature == ASSET else decoded


def _with_hash(asset: Properties) -> Properties:
    if asset.get("uri"):
        raise Unsupported("a remote asset", where="A resource")
    if asset.get("path"):
        try:
            content = Path(str(asset["path"])).read_bytes()
        except OSError as error:
            raise EngineError(f"The file of an asset can't be read: {error}") from None
    else:
        content = str(asset.get("text", "")).encode()
    return {**asset, "hash": hashlib.sha256(content).hexdigest()}


def to_struct(values: Properties, *, keep_secrets: bool) -> struct_pb2.Struct:
    """Encode properties; secrets keep their mark or are sent in clear (to providers that do not
    accept marks).
    """
    struct = struct_pb2.Struct()
    for key, value in values.items():
        _set(struct.fields[key], value, keep_secrets)
    return struct


def _set(target: struct_pb2.Value, value: PropertyValue, keep_secrets: bool) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Secret):
        if keep_secrets:
            fields = target.struct_value.fields
            fields[SIGNATURE].string_value = SECRET
            _set(fields["value"], value.value, keep_secrets)
        else:
            _set(target, value.value, keep_secrets)
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for item in value:
            _set(target.list_value.values.add(), item, keep_secrets)
    else:
        target.struct_value.SetInParent()
        for key, item in value.items():
            _set(target.struct_value.fields[key], item, keep_secrets)


def reference_to_text(value: PropertyValue) -> PropertyValue:
    """Resource references replaced by the id (or URN) they point to, as providers that do not
    accept references want them.
    """
    if isinstance(value, Secret):
        return Secret(reference_to_text(value.value))
    if isinstance(value, list):
        return [reference_to_text(item) for item in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) == RESOURCE_REFERENCE:
            return value.get("id") or value["urn"]
        return {key: reference_to_text(item) for key, item in value.items()}
    return value
