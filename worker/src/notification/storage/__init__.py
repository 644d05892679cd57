"""The service's SQL, one module per table."""
