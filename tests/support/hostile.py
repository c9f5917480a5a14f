"""What damaged and hostile files hold: IDs with characters that harm, and ways to damage bytes.

`HOSTILE` has the characters one by one, `hostile_ids` and `hostile_id` put them into IDs. A
`damage` is drawn by hypothesis or made by a seed (`damaged`); both do the same to the bytes.
"""

from __future__ import annotations

import random
from typing import Final

from hypothesis import strategies as st

PATHS: Final = ("/", "\\", "%", "?", "#", ";", "/../", "%2f", "%2e%2e%2f", "..\\", "?x=", ";v=1")
"""Read by servers and proxies as something else than a part of an ID."""

UNSEEN: Final = tuple(
    "\0\t\n\r\x0b\x0c\x1b\x1c\x7f\x85 \xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u180b\u180e"
    "\u2000\u2003\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u202f\u2060\u2061\u2066"
    "\u2069\u206f\u2800\u3000\u3164\ufe00\ufe0f\ufeff\uffa0\ufff0\ufff9\ufffb\ufffc\ufffd\ufffe"
    "\uffff\ufdd0\ue000\uf8ff\U000e0001\U000e0020\U000e0100\U000f0000\U0010ffff\ud800\udfff"
)
"""Not to be seen, or a trace of damage."""

CHANGING: Final = tuple(
    "\uff0f\uff0e\u2024\u2025\ufe68\uff3c\uff05\u2044\u00bd\u212a\ufb01\uff21\u0344"
)
"""Normalization makes other characters of them; of some, a dot or a slash. U+2044 is here for
what makes it: U+00BD."""

HOSTILE: Final = (*PATHS, *UNSEEN, *(char for char in CHANGING if char != "\u2044"))


def hostile_ids() -> st.SearchStrategy[str]:
    """Draw IDs, some of which hold what none may."""
    parts = st.one_of(
        st.sampled_from(["resp_", "a", "-", "0", "é", "回", "'", '"', ".", "..", "\u0301", "="]),
        st.sampled_from(HOSTILE),
    )
    return st.lists(parts, max_size=6).map("".join)


def hostile_id(dice: random.Random) -> str:
    """Make one of `hostile_ids` by a seed."""
    words = [*HOSTILE, "\u0301"] if dice.random() < 0.5 else ["é", "回", "'", "=", ".", "+"]
    at = dice.choice(["{}resp_{:x}", "resp{}_{:x}", "resp_{1:x}{0}"])
    return at.format(dice.choice(words), dice.getrandbits(40))


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Damage bytes as disks, wires, editors and people do: 1 to 3 times."""
    out = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        _damage(out, dice)
    return bytes(out)


def _damage(out: bytearray, dice: random.Random) -> None:
    """Flip a bit, set or insert a byte, cut, leave out, double or move a part, lay zeros."""
    if not out:
        return
    at = dice.randrange(len(out))
    size = dice.choice([1, 2, 7, 40, 300, 5000])
    match dice.randrange(8):
        case 0:
            out[at] ^= 1 << dice.randrange(8)
        case 1:
            out[at] = dice.choice(b'"\n\r,\t\\{}[]\0\xff\xc3 ')
        case 2:
            out[at:at] = bytes([dice.choice(b'"\n\r,\t\\{}[]\0\xff\xef ')])
        case 3:
            del out[at:]
        case 4:
            del out[at : at + size]
        case 5:
            part = out[at : at + size]
            out[at:at] = part
        case 6:
            part = out[at : at + size]
            del out[at : at + size]
            to = dice.randrange(len(out) + 1)
            out[to:to] = part
        case _:
            part = out[at : at + size]
            out[at : at + size] = bytes(len(part))
