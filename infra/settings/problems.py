"""What is wrong with a stack's settings, said all at once."""

from collections.abc import Sequence
from dataclasses import dataclass

PROJECT = "notification-system"
HIDDEN = "(hidden)"
MISSING = "(missing)"


@dataclass(frozen=True)
class Problem:
    """One mistake: the key, its value (never a secret's), the rule, and a value that passes.

    The project's own keys are here without their namespace.
    """

    key: str
    value: str
    rule: str
    example: str

    def __str__(self) -> str:
        key = self.key if set(self.key) & set(":(") else f"{PROJECT}:{self.key}"
        return f"{key} = {self.value}: {self.rule} Example: {self.example}"


class SettingsError(Exception):
    """A stack's settings cannot be used; `problems` has every mistake, not only the first."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{source} has {count} mistake{'s' if count != 1 else ''}:"]
        lines += [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        lines.append(
            f"Correct the {count} above in the stack file, or with `pulumi config set KEY VALUE`."
        )
        super().__init__("\n".join(lines))
