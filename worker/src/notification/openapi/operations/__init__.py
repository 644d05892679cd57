"""The operations, one module per group of routes."""
