"""Telling people about deployments and rollbacks."""
