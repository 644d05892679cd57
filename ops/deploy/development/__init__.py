"""Running a stack's Worker on this machine while it is being written."""
