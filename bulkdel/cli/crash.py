"""What nobody expected: one line with the cause and where to report it; ``--trace`` has the rest.

What holds here, always: no key and no proxy's password is shown, wherever the error took it from.

Not here: that the run drains and the log is whole (`engine.run`).
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import click

from bulkdel.errors import cause_of, place_of
from bulkdel.providers import PROVIDERS
from bulkdel.secret import Secret
from bulkdel.version import __version__

_CAUSE_CHARS_MAX: Final = 300
_SECRET_CHARS_MIN: Final = 4
"""Shorter ones are no keys, and to hide them would garble the rest."""


@dataclass(slots=True)
class Trace:
    """Whether the traceback is wanted, if there is one.

    Attributes:
        wanted: ``--trace`` was given.
        named: The configuration file, which may name variables of keys.
    """

    wanted: bool = False
    named: str = ""


def trace_option() -> click.Option:
    """Return the flag ``--trace``, which every command has; it tells the `Trace` of the context."""

    def note(context: click.Context, _: click.Parameter, value: bool) -> None:
        trace = context.find_object(Trace)
        if trace is not None and value:
            trace.wanted = True

    return click.Option(
        ["--trace"],
        is_flag=True,
        expose_value=False,
        callback=note,
        help="If something inside goes wrong, show where, for a report.",
    )


def crash_text(
    exc: BaseException, trace: Trace, environ: Mapping[str, str], arguments: Sequence[str]
) -> str:
    """Return what is said of an error that nobody expected: a line, and the traceback if wanted."""
    cause = cause_of(exc)
    secrets = [Secret(text) for text in _secrets(environ, [*arguments, trace.named])]
    words = " ".join(_without(secrets, str(cause)).split())[:_CAUSE_CHARS_MAX]
    text = (
        f"bulkdel: internal error: {type(cause).__name__}{': ' * bool(words)}{words}"
        f" ({place_of(cause)}, version {__version__})."
        " What is known is in the log, which resumes. Please report this line on the project's"
        " issue page"
    )
    if trace.wanted:
        text += "\n" + "".join(traceback.format_exception(exc)).rstrip()
    else:
        text += "; --trace shows more of it"
    return _without(secrets, text)


def _without(secrets: Sequence[Secret], text: str) -> str:
    for secret in secrets:
        text = secret.hide(text)
    return text


def _secrets(environ: Mapping[str, str], arguments: Sequence[str]) -> list[str]:
    """Return what may be a key or a password, the longest first.

    The values of all variables that may have been named as a key's, and proxies' passwords.
    """
    named = " ".join([*arguments, environ.get("BULKDEL_DELETE_API_KEY_ENV", "")])
    names = {known.key_env for known in PROVIDERS.values()} | set(re.findall(r"\w+", named))
    values = [environ.get(name, "").strip() for name in names]
    values += _passwords(environ)
    return sorted((v for v in set(values) if len(v) >= _SECRET_CHARS_MIN), key=len, reverse=True)


def _passwords(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in environ.items():
        if name.lower().endswith("_proxy"):
            try:
                yield urlsplit(value).password or ""
            except ValueError:  # no URL
                yield value
