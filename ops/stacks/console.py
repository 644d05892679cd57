"""What a command shows a person while it works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from ops.stacks.driver import Progress
from ops.stacks.moment import Stopwatch
from ops.stacks.table import Column, lay_out, visible

_PIPE_WIDTH = 240
_TOLD_SECONDS = 10.0


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave a reader that is gone to the command; rich would end it with exit code 1."""
        raise


class Reporter:
    """Prints a command's steps as they happen.

    Everything goes to standard error when ``json`` is asked for, so that standard output stays one
    JSON document; colour and the spinner appear on a terminal only (rich decides).
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        console: Console = _Console(stderr=json, quiet=quiet, highlight=False, soft_wrap=True)
        if not console.is_terminal:
            console.width = _PIPE_WIDTH
        self.console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show ``title`` while the block runs, then its result and duration.

        A block that raises is shown as failed; the exception goes on.
        """
        watch = Stopwatch()
        step = Step(title)
        try:
            with self.console.status(Text(visible(title))) as status:
                step.show = self._shown(title, status)
                yield step
        except BaseException:
            self._finish("[red]✗[/red]", step, watch)
            raise
        self._finish("[green]✓[/green]", step, watch)

    @contextmanager
    def waiting(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal that ``title`` is being worked on; nothing is left of it.

        Gives what takes how far it is.
        """
        with self.console.status(Text(visible(title))) as status:
            yield self._shown(title, status)

    def _shown(self, title: str, status: Status) -> Callable[[str], None]:
        """Return what shows how far a step is: in place on a terminal, now and then elsewhere."""
        watch = Stopwatch()

        def show(text: str) -> None:
            nonlocal watch
            if self.console.is_terminal and not self.console.is_dumb_terminal:
                status.update(Text(visible(f"{title}: {text}")))
            elif watch.seconds >= _TOLD_SECONDS:
                watch = Stopwatch()
                self.line(f"  {text}")

        return show

    def _finish(self, mark: str, step: Step, watch: Stopwatch) -> None:
        told = visible(step.detail)
        detail = f" [dim]{escape(told)}[/dim]" if told else ""
        title = escape(visible(step.title))
        self.console.print(f"{mark} {title}{detail} [dim]({watch.seconds:.1f} s)[/dim]")

    def table(self, *columns: str | Column, rows: Iterable[Sequence[str]], none: str = "") -> None:
        """Print rows under column headings; in a file or a pipe each row is one line.

        Args:
            columns: headings; a :class:`Column` where one must stay whole or holds numbers.
            rows: a text for each column.
            none: what is said in place of a table without rows.
        """
        found = list(rows)
        if not found and none:
            self.line(none)
            return
        described = [each if isinstance(each, Column) else Column(each) for each in columns]
        width = self.console.width if self.console.is_terminal else None
        for line in lay_out(described, found, width):
            self.console.print(Text(line), crop=False, no_wrap=True, overflow="ignore")

    def progress(self, progress: Progress) -> None:
        """Print one event of a stack operation, indented under its step."""
        style = {"warning": "yellow", "error": "red"}.get(progress.severity)
        self.line(f"  {progress.text}", style=style)

    def line(self, text: str, *, style: str | None = None) -> None:
        """Print one line as it is: neither markup nor a terminal's escapes have a meaning in it."""
        self.console.print(Text(visible(text), style=style or ""))


class Step:
    """One step that is being shown; ``detail`` is printed beside the title when it ends.

    ``show`` takes how far it is, with the total: ``compared 20,000 of 1,000,000 rows``.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.show: Callable[[str], None] = lambda _text: None
