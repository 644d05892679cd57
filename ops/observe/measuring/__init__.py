"""Measuring a service that runs, from where the command runs."""
