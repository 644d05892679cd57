-- Figures by hour and by day, kept up by the cron from the notifications: a send writes none.
-- The days stay for good; the hours go when they are older than what a series shows by the hour.

CREATE TABLE notification_rollups (
  step TEXT NOT NULL CHECK (step IN ('hour', 'day')),
  period_start TEXT NOT NULL,
  channel_type TEXT NOT NULL,
  accepted INTEGER NOT NULL CHECK (accepted >= 0),
  sent INTEGER NOT NULL CHECK (sent >= 0),
  failed INTEGER NOT NULL CHECK (failed >= 0),
  cancelled INTEGER NOT NULL CHECK (cancelled >= 0),
  unsettled INTEGER NOT NULL CHECK (unsettled >= 0),
  retries INTEGER NOT NULL CHECK (retries >= 0),
  redrives INTEGER NOT NULL CHECK (redrives >= 0),
  -- From acceptance to delivery in milliseconds: the sum, and how many lie in each class.
  delivery_ms INTEGER NOT NULL CHECK (delivery_ms >= 0),
  deliveries TEXT NOT NULL CHECK (json_valid(deliveries)),
  -- Failed attempts by error code.
  errors TEXT NOT NULL CHECK (json_valid(errors)),
  PRIMARY KEY (step, period_start, channel_type),
  CONSTRAINT every_one_counted_once CHECK (accepted = sent + failed + cancelled + unsettled)
) WITHOUT ROWID;
