-- Finds the configurations that the service switched off, to tell the operators. An entry per such
-- configuration and none for the others.

CREATE INDEX idx_config_deactivated ON user_configs (deactivated_at)
  WHERE deactivated_at IS NOT NULL;
