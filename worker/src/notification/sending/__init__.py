"""Accepting a notification: validation, idempotency, rows, the first attempt."""
