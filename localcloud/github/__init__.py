"""GitHub's REST API on this machine: what a repository's access settings and comments need."""
