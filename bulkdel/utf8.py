r"""Text that can be written anywhere: the name of a file may hold what no encoding takes.

    name as Python has it --> encodable --> messages
    values that hold some --> json_bytes --> log lines, `--json`
    words from elsewhere --> shown --> terminals and pages

To the system a name is bytes. Those that are not UTF-8 are lone surrogates to Python, and to
write one is an error: in the worst case the last step of a run fails for it, after all
deletions. Here such a byte becomes ``\xff``, as a shell writes it, and what else an encoding
lacks is written with a backslash, too. All other text stays as it is.
"""

from __future__ import annotations

import codecs
from typing import Any, Final

import orjson

_ERRORS: Final = "bulkdel.backslash"


def encodable(text: str) -> str:
    """Return ``text`` as UTF-8 can carry it."""
    return text.encode("utf-8", _ERRORS).decode("utf-8")


def shown(text: str) -> str:
    """Return text as a terminal or a page may have it: what steers it, or is not to be seen, is spelled out.

    Names of files and words of logs and providers come from elsewhere.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in encodable(text))


def json_bytes(value: object, option: int | None = None) -> bytes:
    """Return a value as JSON in UTF-8.

    Args:
        value: What orjson takes; its strings may hold lone surrogates.
        option: Options of orjson.
    """
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        return orjson.dumps(_encodable(value), option=option)


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return encodable(value)
        case dict():
            return {_encodable(name): _encodable(of) for name, of in value.items()}
        case list() | tuple():
            return [_encodable(of) for of in value]
    return value


def _backslash(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    chars = error.object[error.start : error.end]
    return "".join(map(_escape, chars)), error.end


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(_ERRORS, _backslash)
