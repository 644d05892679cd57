"""Scheduled work: the sweep that keeps the promise, and cleaning up."""
