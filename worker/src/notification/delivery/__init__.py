"""Attempts, their outcomes, retries and dead letters."""
