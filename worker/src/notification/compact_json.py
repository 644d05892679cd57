"""JSON as the service writes it everywhere: UTF-8 and without spaces."""

import json

# One encoder for all: `json.dumps` makes a new one for each call that sets an option.
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""The compact JSON text of a value; raises `TypeError` and `ValueError` as `json.dumps` does."""
