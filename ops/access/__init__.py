"""Who may do what: keys, tokens, checks of secrets."""
