-- The figures can be counted again from the notifications that are still kept.

DROP TABLE notification_rollups;
