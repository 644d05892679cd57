-- 1: a send that lacks a variable of the template is refused.
ALTER TABLE notification_templates_v2 ADD COLUMN strict INTEGER NOT NULL DEFAULT 0;
