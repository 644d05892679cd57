-- Back to notifications without templates. Sent notifications keep their rendered text.

ALTER TABLE notification_logs DROP COLUMN channel_options;

DROP TABLE template_contents;

DROP TABLE notification_templates_v2;
