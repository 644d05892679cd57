"""Metrics of any period: counted, rolled up, and written for Prometheus."""
