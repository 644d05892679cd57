"""The data of a stack: its database's state, its backups, and ways to look at it and change it."""
