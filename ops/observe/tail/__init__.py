"""Following a Worker's log lines while they are written."""
