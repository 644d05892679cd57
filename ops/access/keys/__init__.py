"""A stack's secrets: made in the required form, set, dated, and compared."""
