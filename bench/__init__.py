"""Measurements: speed as ratios inside one run, memory, and what a send costs in storage."""
