-- The operators are then told by the configurations alone.

DROP INDEX idx_config_deactivated;
