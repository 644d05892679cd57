"""Who may deploy: the CI token's permissions, GitHub's gates, and what the workflows read."""
