"""How notifyctl is called: its commands, options and confirmations."""
