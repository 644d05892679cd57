"""Tables of the GitHub API, in the control plane's database: they survive a restart with it."""

from __future__ import annotations

GITHUB = (
    """CREATE TABLE IF NOT EXISTS github_environments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, wait_timer INTEGER NOT NULL,
        prevent_self_review INTEGER NOT NULL, can_admins_bypass INTEGER NOT NULL,
        reviewers TEXT NOT NULL, branch_policy TEXT)""",
    """CREATE TABLE IF NOT EXISTS github_branch_policies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        environment_id INTEGER NOT NULL REFERENCES github_environments ON DELETE CASCADE,
        name TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (environment_id, type, name))""",
    # The scope is 0 for the repository, else an environment's id: names are unique in a scope.
    """CREATE TABLE IF NOT EXISTS github_keys (
        scope INTEGER PRIMARY KEY, key_id TEXT NOT NULL, private_key BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS github_secrets (
        scope INTEGER NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (scope, name))""",
    """CREATE TABLE IF NOT EXISTS github_variables (
        scope INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (scope, name))""",
    """CREATE TABLE IF NOT EXISTS github_comments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, issue INTEGER NOT NULL, body TEXT NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS github_pull_requests (
        number INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, head TEXT NOT NULL,
        base TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL)""",
)
"""Only one repository exists, so no table names it."""
