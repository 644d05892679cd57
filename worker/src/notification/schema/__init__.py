"""The database's schema: this version's migrations, and which are applied."""
