"""The stack's own list of its releases, which every state backend keeps."""
