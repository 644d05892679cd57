"""The plan of a pull request, as one comment that is updated."""

from __future__ import annotations

from dataclasses import dataclass

from ops.github.repository import Repository
from ops.stacks.origin import short_hash

MARK = "<!-- notification-system: plan of {stack} -->"
"""Invisible first line by which the comment is found again."""
MAX_LENGTH = 60_000
"""Characters of a plan that are shown; GitHub takes 65,536 in a comment."""


@dataclass(frozen=True)
class PlanComment:
    """The comment for one stack's plan.

    Attributes:
        repository: where the pull request is.
        number: the pull request's.
        stack: whose plan it is.
    """

    repository: Repository
    number: int
    stack: str

    def put(self, plan: str, *, commit: str) -> str:
        """Write the plan into the comment, made on the first call; returns its address.

        Raises:
            OperationError: GitHub refused, or gave no answer.
        """
        body = {"body": self._body(plan, commit)}
        comments = f"/issues/{self.number}/comments"
        for comment in self.repository.pages(comments):
            if str(comment.get("body")).startswith(self._mark) and comment.get("id"):
                return self._written("PATCH", f"/issues/comments/{comment['id']}", body)
        return self._written("POST", comments, body)

    def _written(self, method: str, path: str, body: dict[str, str]) -> str:
        """Write it, and return its address; empty where the answer tells none."""
        answer = self.repository.call(method, path, body=body)
        return str(answer.get("html_url", "")) if isinstance(answer, dict) else ""

    @property
    def _mark(self) -> str:
        return MARK.format(stack=self.stack)

    def _body(self, plan: str, commit: str) -> str:
        text = plan.strip() or "The plan is empty."
        if len(text) > MAX_LENGTH:
            text = f"{text[:MAX_LENGTH]}\n… cut: the whole plan is in the workflow's log."
        # A longer fence than any inside: a plan can't leave its block.
        fence = "`" * 3
        while fence in text:
            fence += "`"
        of_commit = f" at `{short_hash(commit)}`" if commit else ""
        return (
            f"{self._mark}\n### Plan of `{self.stack}`{of_commit}\n\n{fence}text\n{text}\n{fence}\n"
        )
