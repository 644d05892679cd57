"""Alerts from Grafana: checked, and turned into notifications."""
