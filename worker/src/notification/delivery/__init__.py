"""Attempts, their outcomes, retries and what is left over: the second half of the promise."""
