"""The options of a command as the fields of one frozen dataclass.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class DemoOptions:
        quiet: bool = flag("-q", "--quiet", help="No progress.")
        attempts: int = option("--attempts", metavar="N", kind=click.INT, default=5, help="…")

    @click.command()
    @takes(DemoOptions)
    def demo(options: DemoOptions) -> None: ...

What holds here, always:

1. mypy checks a field where it is declared and wherever it is used: each function below
   returns, in its eyes, what its ``kind`` makes of a text.
2. An option's default stands once. `DemoOptions()` is what the command gets without arguments.
3. Fields and parameters agree: these are made of those, in their order, which is that of the help.
   A field is called as its flag, so ``BULKDEL_<COMMAND>_<FLAG>`` sets it.

Not here: what the options mean. click's own decorators leave a command with ``**flags: Any``, of
which mypy sees nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import click

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    OwnType = click.ParamType[object]
else:
    OwnType = click.ParamType  # takes no parameters before click 8.4

_DECLARE: Final = "declare"
"""Where a field's metadata has what makes a parameter of the field's name."""

_Options = TypeVar("_Options", bound="DataclassInstance")
_Value = TypeVar("_Value")
_Value_co = TypeVar("_Value_co", covariant=True)


class Kind(Protocol[_Value_co]):
    """A click type, by what it makes of a text. One of our own is an `OwnType` that says it."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> _Value_co:
        """Return the value, or refuse it."""


def option(
    *names: str, kind: Kind[_Value], default: _Value, help: str, metavar: str | None = None
) -> _Value:
    """Declare an option with a default, which the help shows."""
    declare = partial(
        click.option,
        *names,
        type=kind,
        default=default,
        show_default=True,
        help=help,
        metavar=metavar,
    )
    return field(default=default, metadata={_DECLARE: declare})


def optional(
    *names: str, kind: Kind[_Value], help: str, metavar: str | None = None, bare: str | None = None
) -> _Value | None:
    """Declare an option that is None unless it is given; ``bare`` is its value if it has none."""
    declare = partial(click.option, *names, type=kind, help=help, metavar=metavar)
    if bare is not None:
        declare = partial(declare, is_flag=False, flag_value=bare)
    return field(default=None, metadata={_DECLARE: declare})


def repeated(
    *names: str, kind: Kind[_Value], help: str, metavar: str | None = None
) -> tuple[_Value, ...]:
    """Declare an option that may be given several times, or not at all."""
    declare = partial(click.option, *names, type=kind, multiple=True, help=help, metavar=metavar)
    return field(default=(), metadata={_DECLARE: declare})


def flag(*names: str, help: str) -> bool:
    """Declare a flag, which is off unless it is given."""
    declare = partial(click.option, *names, is_flag=True, help=help)
    return field(default=False, metadata={_DECLARE: declare})


def arguments(metavar: str, kind: Kind[str] = click.STRING) -> tuple[str, ...]:
    """Declare the words that are no options: any number of them."""
    declare = partial(click.argument, metavar=metavar, nargs=-1, type=kind)
    return field(default=(), metadata={_DECLARE: declare})


def takes(
    options: type[_Options],
) -> Callable[[Callable[[_Options], None]], Callable[..., None]]:
    """Give a command the parameters that a dataclass declares, and it the object.

    It stands below ``click.command``.
    """

    def decorate(run: Callable[[_Options], None]) -> Callable[..., None]:
        @wraps(run)
        def callback(**values: Any) -> None:
            run(options(**values))

        for each in reversed(fields(options)):
            each.metadata[_DECLARE](each.name)(callback)
        return callback

    return decorate
