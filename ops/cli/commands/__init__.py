"""One module per ``notifyctl`` command."""
