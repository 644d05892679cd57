"""Metrics over time: what was accepted, what became of it, and how long it took."""
