"""Deleting notifications without losing what replays of their keys have to tell."""

from notification.ports.database import Statement, Value

# A key that outlives its rows keeps their outcome in its record.
_KEEP = """
UPDATE idempotency_keys SET status = 'completed', results = json_patch(
  COALESCE(results, '{{}}'),
  (SELECT json_group_object(message_id, json_object('id', id, 'channel_type', channel_type,
     'status', status, 'error', error, 'last_error_code', last_error_code))
   FROM notification_logs AS log
   WHERE log.id IN ({chosen}) AND log.user_id = idempotency_keys.user_id
     AND log.idempotency_key = idempotency_keys.idempotency_key))
WHERE expires_at > {now} AND (user_id, idempotency_key) IN (
  SELECT user_id, idempotency_key FROM notification_logs
  WHERE id IN ({chosen}) AND idempotency_key IS NOT NULL)
"""
_DELETE = "DELETE FROM notification_logs WHERE id IN ({chosen})"


def removal(chosen: str, parameters: tuple[Value, ...], now: str) -> list[Statement]:
    """Two statements for one batch: keep the outcomes, then delete.

    `chosen` is a SELECT of ids, a constant of its module, with `parameters` as ?1, ?2, …; the
    second result's `changes` tells how many went.
    """
    keep = _KEEP.format(chosen=chosen, now=f"?{len(parameters) + 1}")
    return [
        Statement(keep, (*parameters, now)),
        Statement(_DELETE.format(chosen=chosen), parameters),
    ]
