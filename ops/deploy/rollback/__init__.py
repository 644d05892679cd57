"""Going back to an earlier release, and what has to hold before it may happen."""
