"""Alerts from Grafana: what is accepted, and what becomes of it."""
