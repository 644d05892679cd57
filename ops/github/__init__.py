"""Stacks that live as long as their pull request."""
