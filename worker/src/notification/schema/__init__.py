"""The database's schema: the migrations that came with this version, and which are applied."""
