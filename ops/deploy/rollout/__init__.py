"""A deployment as a team does it: told, planned, approved, verified, reported."""
