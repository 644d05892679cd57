"""Scheduled tasks: the sweep, monitoring and key rotation."""
