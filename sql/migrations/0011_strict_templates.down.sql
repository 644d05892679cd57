-- Back to templates that are all sent with what they lack left as written.
-- loses: notification_templates_v2.strict

ALTER TABLE notification_templates_v2 DROP COLUMN strict;
