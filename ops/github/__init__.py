"""What happens at GitHub: the repository, comments, settings of pull requests."""
