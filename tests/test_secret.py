"""No part of a key survives in a text, however it is written, cut or split; nothing else is hidden."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import random
import string
import traceback
import urllib.parse
from collections.abc import Callable

import pytest

from bulkdel.secret import RUN, Secret

SEEDS = 3000
ALPHABETS = (
    string.ascii_letters + string.digits,
    string.ascii_letters + string.digits + "-_",
    string.hexdigits.lower(),
    string.ascii_letters + string.digits + "+/=",
    "".join(map(chr, range(0x21, 0x7F))),
)
Writing = Callable[[str, random.Random], str]


def base64_of(text: str, dice: random.Random) -> str:
    """Write it in base64, with something before and after it."""
    around = [
        "".join(dice.choices(string.ascii_letters, k=dice.randrange(6))).encode() for _ in range(2)
    ]
    encode = dice.choice((base64.b64encode, base64.urlsafe_b64encode))
    return encode(around[0] + text.encode() + around[1]).decode()


WRITINGS: dict[str, Writing] = {
    "as it is": lambda text, _: text,
    "upper case": lambda text, _: text.upper(),
    "lower case": lambda text, _: text.lower(),
    "in a URL": lambda text, _: urllib.parse.quote(text, safe=""),
    "each percent-encoded": lambda text, _: "".join(f"%{ord(char):02x}" for char in text),
    "some percent-encoded": lambda text, dice: "".join(
        f"%{ord(char):02X}" if dice.random() < 0.3 else char for char in text
    ),
    "in JSON": lambda text, _: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in JSON, escaped": lambda text, dice: "".join(
        f"\\u{ord(char):04x}" if dice.random() < 0.5 else char.replace("\\", "\\\\")
        for char in text
    ),
    "in HTML": lambda text, _: html.escape(text),
    "in HTML, by number": lambda text, dice: "".join(
        dice.choice((f"&#{ord(char)};", f"&#x{ord(char):x};")) for char in text
    ),
    "in base64": base64_of,
    "in hexadecimal digits": lambda text, _: text.encode().hex(),
    "in hexadecimal digits, upper case": lambda text, _: text.encode().hex().upper(),
    "in a repr": lambda text, _: repr(text)[1:-1],
}


def drawn(dice: random.Random) -> str:
    """Return a key."""
    head = dice.choice(("", "sk-", "sk-proj-", "fw_", "AIza"))
    return head + "".join(dice.choices(dice.choice(ALPHABETS), k=dice.randint(RUN, 60)))


@pytest.mark.parametrize("writing", WRITINGS)
def test_no_run_of_a_key_is_left_however_it_is_written(writing: str) -> None:
    """Seeded keys, cut at either end, in the middle of words: what is written of it is gone."""
    write = WRITINGS[writing]
    for seed in range(SEEDS // len(WRITINGS)):
        dice = random.Random(f"{writing} {seed}")
        key = drawn(dice)
        first = dice.randint(0, len(key) - RUN)
        part = key[first : dice.randint(first + RUN, len(key))]
        written = write(part, dice)
        text = f"Incorrect key: «{written}» given"

        hidden = Secret(key).hide(text)

        assert "[hidden]" in hidden, (seed, key, text)
        assert hidden.startswith("Incorrect key: «"), (seed, key, hidden)
        assert hidden.endswith("» given"), (seed, key, hidden)
        for at in range(len(part) - RUN + 1):  # nor in a text that is decoded once more
            run = write(part[at : at + RUN], random.Random(0))
            assert run not in hidden or "base64" in writing, (seed, key, hidden)
        left = hidden[len("Incorrect key: «") : -len("» given")].replace("[hidden]", "")
        assert len(left) <= (2 * 12 if "base64" in writing else 0), (seed, key, hidden)


def test_a_key_cut_at_any_place_leaves_less_than_a_run() -> None:
    """An echo that is cut by a server, or is split over two fields."""
    key = "sk-Zu9qXb7-only-in-the-header-4711"
    secret = Secret(key)
    for cut in range(len(key) + 1):
        for part in (key[:cut], key[cut:]):
            shown = secret.hide(f"key={part}")
            assert len(part) < RUN or shown == "key=[hidden]", part


def test_other_texts_stay_as_they_are() -> None:
    """Seeded: what has no run of the key in it is not touched, whatever escapes it has."""
    for seed in range(500):
        dice = random.Random(seed)
        secret = Secret(drawn(dice))
        words = "".join(dice.choices(string.ascii_lowercase + " %\\&;u/{}\"'ü\n", k=300))
        assert secret.hide(words) == words, seed


@pytest.mark.parametrize(("key", "shown"), [("abc", "abc"), ("abcd", "[hidden]"), ("", "")])
def test_a_short_key_is_hidden_as_a_whole_unless_it_would_garble_all(key: str, shown: str) -> None:
    """Three characters stand in every other word."""
    assert Secret(key).hide(key) == shown


def test_nothing_shows_it() -> None:
    """Logs, debuggers, crash reports and stores: only `reveal` has it."""
    key = "sk-Zu9qXb7-only-in-the-header-4711"
    secret = Secret(key)

    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r:>60}", f"{[secret]}"):
        assert key not in shown
    assert key not in str([getattr(secret, name) for name in ("_reveal",)])
    for store in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not to be stored"):
            store(secret)
    with pytest.raises(TypeError) as raised:
        pickle.dumps(secret)
    report = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    lines = [line for line in "".join(report.format()).splitlines() if "key = " not in line]
    assert key not in "".join(lines)
    assert secret.reveal() == key
    assert secret == key
    assert secret == Secret(key)
    assert secret != Secret(key[1:])
    assert not Secret("")
