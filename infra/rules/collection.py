"""Collecting what a program declares, before any of it is registered."""

import asyncio
import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pulumi

from infra.access.permission_groups import Group
from infra.rules.declaration import Declaration

PROVIDERS = "pulumi:providers:"


class Declarations(list[Declaration]):
    """Every resource that the program has declared; none is registered before `check` is called.

    The SDK registers what was declared even where the program fails afterwards. So each resource
    waits for the check, and fails with its error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.permission_groups: tuple[Group, ...] = ()
        self._is_closed = False
        self._loop = asyncio.get_event_loop()
        self._checked: asyncio.Future[bool] = self._loop.create_future()
        self._gate: pulumi.Output[bool] = pulumi.Output.from_input(self._passed())

    def note(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        """Take one declaration down, and let its registration wait."""
        if self._is_closed:
            return None
        # A provider may be asked for something before the rest is declared; by itself it does
        # nothing.
        if args.type_.startswith(PROVIDERS):
            self._add(args)
            return None
        self._add(args)
        opts = copy.copy(args.opts)
        others = opts._depends_on_list()
        opts.depends_on = self._gate.apply(lambda _: others)
        return pulumi.ResourceTransformationResult(args.props, opts)

    def check(self, check: Callable[[], None]) -> None:
        """Let everything be registered, or, where `check` raises, nothing."""
        try:
            check()
        except Exception as error:
            self._stop(error)
            raise
        self._checked.set_result(True)

    def fail(self, error: Exception) -> None:
        """Let nothing be registered, because the program ended by `error`."""
        if not self._checked.done():
            self._stop(error)

    def close(self) -> None:
        """Take nothing down any more; without a check nothing is registered."""
        self._is_closed = True
        if not self._checked.done():
            self._stop(pulumi.RunError("The program failed before it had declared everything."))

    async def _passed(self) -> bool:
        return await self._checked

    def _stop(self, error: Exception) -> None:
        self._checked.set_exception(error)
        self._checked.exception()
        # Each of the waiting registrations fails by the same error, which is told once.
        self._loop.set_exception_handler(lambda *_: None)

    def _add(self, args: pulumi.ResourceTransformationArgs) -> None:
        self.append(
            Declaration(
                type=args.type_.rpartition(":")[2],
                name=args.name,
                properties=dict(args.props or {}),
                protect=bool(args.opts.protect),
            )
        )


_collecting: ContextVar[Declarations | None] = ContextVar("collecting", default=None)


@contextmanager
def collect_declarations() -> Iterator[Declarations]:
    """Give a list that gets every resource declared within the block, those of components included.

    A transformation of the stack sees them all, whichever engine runs the program.
    """
    found = Declarations()
    pulumi.runtime.register_stack_transformation(found.note)
    token = _collecting.set(found)
    try:
        yield found
    except Exception as error:
        # Without it the waiting registrations would fail first, and hide why.
        found.fail(error)
        raise
    finally:
        _collecting.reset(token)
        found.close()


def note_permission_groups(groups: Iterable[Group]) -> None:
    """Keep the account's list of permission groups for the rules, where declarations are collected.

    A function's answer passes no transformation, so whoever asks for the list hands it on.
    """
    if (collecting := _collecting.get()) is not None:
        collecting.permission_groups = tuple(groups)
