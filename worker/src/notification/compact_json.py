"""JSON as the service writes it: UTF-8, without spaces."""

import json

# One encoder for all calls: `json.dumps` makes a new one whenever an option is set.
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Encode a value; raises `TypeError` and `ValueError` as `json.dumps` does."""
