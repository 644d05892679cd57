"""How notifyctl is called: commands, options, confirmations."""
