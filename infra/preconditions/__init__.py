"""What an account can refuse, asked before anything of it is changed."""
