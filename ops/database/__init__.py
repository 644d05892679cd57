"""What becomes of the data: migrations, backups, consistency."""
