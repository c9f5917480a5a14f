"""How durations, numbers and words of a command line are written for people.

Not here: what is said with them (`cli.output`).
"""

from __future__ import annotations

import os
import shlex


def duration(seconds: float) -> str:
    """Return a duration as ``45 s``, ``12 min 5 s``, ``13 h 53 min`` or ``2 d 3 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest_s = divmod(whole, 60)
    hours, rest_min = divmod(minutes, 60)
    days, rest_h = divmod(hours, 24)
    if days:
        return f"{days} d {rest_h} h"
    if hours:
        return f"{hours} h {rest_min} min"
    if minutes:
        return f"{minutes} min {rest_s} s"
    return f"{whole} s"


def number_words(value: float) -> str:
    """Return a number with three digits or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ms_words(value: float) -> str:
    """Return an answer time."""
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def shell_word(text: str) -> str:
    r"""Return a word of a command line for a shell; what is not to be seen, as ``$'\xff'``."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(map(_shell_char, text)) + "'"


def _shell_char(char: str) -> str:
    if char in "\\'":
        return "\\" + char
    return char if char.isprintable() else "".join(f"\\x{b:02x}" for b in os.fsencode(char))
