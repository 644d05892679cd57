"""Addresses of other Workers that a stack takes over, because its settings name them."""
