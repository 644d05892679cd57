"""Taking over what an account has already: its resources, and an earlier service's data."""
