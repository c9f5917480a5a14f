"""Every error that bulkdel raises. The type says what happens next.

    BulkdelError
    ├── ConfigError          wrong usage or settings: nothing was sent        (exit 2)
    │   └── LogBusyError     another process writes this log                  (exit 5)
    ├── SourceError          a source cannot be read                          (exit 2)
    ├── OutputError          standard output cannot be written          (exit 2 or 141)
    ├── ResultLogError       the log cannot be written: stop, lose nothing    (exit 4)
    └── TransportError       one request got no answer
        ├── NotSentError     it cannot have reached the provider
        │   └── EndpointError  nor will any other: certificate or proxy refuse
        └── NoAnswerError    it may have been carried out: nobody knows

An ID that cannot be deleted is not an error but a result (`models.Result`), and what
an answer means is a value too (`models.Verdict`): at millions of IDs neither is an
exception. What stops a lane is a `guards.Stop`; the summary's ``reason`` words it.

Any other exception is a mistake, ours or of the code that gave us IDs: the run drains, and
it comes out as it is (exit 70).
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bulkdel.models import Summary

_PACKAGE: Final = Path(__file__).parent


class BulkdelError(Exception):
    """The base of all errors of this package."""


class ConfigError(BulkdelError):
    """A setting is wrong. Nothing has been sent."""


class LogBusyError(ConfigError):
    """Another process holds the lock of this result log."""


class SourceError(BulkdelError):
    """A source of IDs cannot be opened or read."""


class OutputError(BulkdelError):
    """Standard output cannot be written: closed, full, or its reader has gone.

    Attributes:
        reader_gone: It is a pipe that nobody reads any more, as after ``| head``.
    """

    def __init__(self, message: str, *, reader_gone: bool = False) -> None:
        super().__init__(message)
        self.reader_gone = reader_gone


class ResultLogError(BulkdelError):
    """The result log cannot be written, so nothing further may be deleted.

    Attributes:
        lines_lost: Results known to this process that are not on disk.
        advice: What to do.
        summary: The `models.Summary` of the run that it ended, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        lines_lost: int = 0,
        advice: str = "Make room or mend the disk, then start again: it resumes",
    ) -> None:
        super().__init__(message)
        self.lines_lost = lines_lost
        self.advice = advice
        self.summary: Summary | None = None


class TransportError(BulkdelError):
    """One request got no answer. The lane tries again or gives up on that ID."""


class NotSentError(TransportError):
    """The request cannot have reached the provider: no connection was made."""


class HeldBackError(NotSentError):
    """The request was not written, since its lane is paused or ends: it says nothing of the provider."""


class EndpointError(NotSentError):
    """No connection can be made, and none will be for any other ID.

    The provider's certificate cannot be verified, or the proxy refuses to connect.
    Waiting does not help: the lane stops.
    """


class NoAnswerError(TransportError):
    """The request was sent, or partly, and no whole answer came back.

    The provider may have deleted the object. A later `gone` for the same ID is
    therefore marked ``after_unknown`` in the log.
    """


def cause_of(exc: BaseException) -> BaseException:
    """Return the only error in a group, or what is no group, or holds several, as it is."""
    cause = exc
    while isinstance(cause, BaseExceptionGroup) and len(cause.exceptions) == 1:
        cause = cause.exceptions[0]
    return exc if isinstance(cause, BaseExceptionGroup) else cause


def place_of(exc: BaseException) -> str:
    """Return where an error was raised, as ``engine/lane.py:212``: our innermost line.

    Of an error that never was in our code, or that nobody raised: the innermost there is.
    """
    frames = traceback.extract_tb(exc.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    if not frames:
        return "nowhere"
    if not ours:
        return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"{Path(ours[-1].filename).relative_to(_PACKAGE).as_posix()}:{ours[-1].lineno}"
