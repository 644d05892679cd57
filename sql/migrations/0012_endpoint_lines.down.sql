-- Back to a line for each recipient. What waits keeps its time of retry.
-- loses: endpoint_lines, user_configs.endpoint

ALTER TABLE user_configs DROP COLUMN endpoint;

DROP TABLE endpoint_lines;
