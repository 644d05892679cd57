"""Stacks: which engine carries out an operation, and what the local stack's settings are."""
