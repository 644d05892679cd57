"""Accepting a notification: validation, idempotency, the outbox, the first attempt."""
