"""The command that a log keeps makes the options of its run again, and holds no secret."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

import click
import pytest

from bulkdel.cli import cli
from bulkdel.cli.delete import delete
from bulkdel.cli.lane_values import PerLane
from bulkdel.cli.recorded import _HOW_IT_IS_SHOWN, command_line
from bulkdel.reporting.report.runs import _CHOOSING
from bulkdel.secret import Secret
from tests.support.seeds import seeds

TEXTS: Final = ("id", "a b", "x;y", "-1", "--yes", "'", '"', "ü", "*", "a=b", "$(id)", "tab")
OF_LANES: Final = {
    "base_url": ("https://example.com/v1",),
    "api_key_env": ("SOME_KEY",),
    "header": ("X-Project: p_1", "Other:v: w"),
    "param": ("vector_store_id=vs_1", "a=b=c"),
    "concurrency": ("1", "64"),
    "rate": ("auto", "0.5", "1e3"),
    "rate_max": ("none", "20"),
    "leave": ("none", "12.5%"),
}
WORDS: Final = {
    "provider": ("ark", "openai:files", "fireworks-eu"),
    "from_list": ("ark", "openai:files", "fireworks-eu"),
    "ray": ("auto", "local", "10.0.0.1:6379"),
    "format": ("csv", "jsonl"),
}
LANES: Final = ("", "ark=", "openai:files=", "fireworks-eu=")
NUMBERS: Final = (click.types.IntParamType, click.types.FloatParamType, click.FloatRange)


def value_of(parameter: click.Parameter, rng: random.Random) -> str:
    """Return what somebody may give an option."""
    name = parameter.name or ""
    if isinstance(parameter.type, PerLane):
        return rng.choice(LANES) + rng.choice(OF_LANES[name])
    if isinstance(parameter.type, click.Choice):
        return str(rng.choice(parameter.type.choices))
    if isinstance(parameter.type, NUMBERS):
        return str(rng.randint(1, 99))
    return rng.choice(WORDS.get(name, TEXTS))


def words_of(parameter: click.Parameter, rng: random.Random) -> list[str]:
    """Return what somebody may type of an option."""
    if not isinstance(parameter, click.Option) or not parameter.expose_value:
        return []
    flag = rng.choice(parameter.opts)
    if parameter.is_flag:
        return [flag]
    times = rng.randint(1, 3) if parameter.multiple else 1
    equals = "=" if flag.startswith("--") else ""
    return [f"{flag}{equals}{value_of(parameter, rng)}" for _ in range(times)]


def typed(rng: random.Random) -> list[str]:
    """Return a command line: some sources and options in any order."""
    parts = [
        words_of(each, rng)
        for each in delete.params
        if rng.random() < 0.4 and each.name not in ("trace", "config")
    ]
    rng.shuffle(parts)
    options = [word for part in parts for word in part]
    sources = [rng.choice(("ids.txt", "ark=b c.csv", "-", "-odd.txt", "--yes")) for _ in range(2)]
    return [*options, "--", *sources[: rng.randint(0, 2)]]


def parsed(words: list[str]) -> click.Context:
    """Return the context of the command with these words."""
    root = click.Context(cli, info_name="bulkdel")
    return delete.make_context("delete", list(words), parent=root)  # click takes words out of it


def told(words: list[str], *secrets: str) -> list[str] | None:
    """Return the words that a log would keep."""
    with parsed(words):
        found = command_line(Path("a log.jsonl"), [Secret(each) for each in secrets])
    return None if found is None else list(found.words)


def chosen(values: dict[str, Any]) -> dict[str, Any]:
    """Return what matters of parsed options; of headers their names."""
    kept = {name: value for name, value in values.items() if name not in _HOW_IT_IS_SHOWN}
    kept["header"] = [(each.lane, each.value[0]) for each in values["header"]]
    return kept | {"log": None}


@pytest.mark.parametrize("seed", seeds(300))
def test_the_words_make_the_same_options(seed: int) -> None:
    """Whatever was typed; but for how it is shown, and for the values of headers."""
    words = typed(random.Random(seed))
    with parsed(words) as context:
        asked = dict(context.params)

    kept = told(words)

    assert kept is not None
    name, *kept = kept
    assert name == "delete"
    with pytest.raises(click.BadParameter) if asked["header"] else parsed(kept):
        parsed(kept)
    filled = [f"{word}v" if word.endswith(": ") else word for word in kept]
    with parsed(filled) as again:
        assert chosen(dict(again.params)) == chosen(asked)
        assert again.params["log"] == Path("a log.jsonl")
        assert not again.params["yes"]


def test_what_the_environment_says_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is started elsewhere, or tomorrow, has another environment."""
    monkeypatch.setenv("BULKDEL_DELETE_ID_FIELD", "response.id")
    monkeypatch.setenv("BULKDEL_DELETE_RATE", "ark=5")
    with click.Context(cli, info_name="bulkdel", auto_envvar_prefix="BULKDEL") as root:
        context = delete.make_context("delete", ["ids.csv"], parent=root)
    with context:
        found = command_line(Path("log"), [])

    assert found is not None
    assert found.words == (
        *("delete", "ids.csv", "--log", "log"),
        *("--id-field", "response.id", "--rate", "ark=5"),
    )


def test_a_flag_that_chooses_ids_is_one_of_the_command() -> None:
    """One that was renamed would make two ways to choose look like one."""
    flags = {flag for each in delete.params for flag in each.opts}

    assert flags >= _CHOOSING


def test_no_secret_is_kept() -> None:
    """Not the value of a header; and if a key stands in a word, no word."""
    header = told(["ids.txt", "--header", "ark=X-Auth: hush-hush-hush"])

    assert header is not None
    assert "hush" not in " ".join(header)
    assert "ark=X-Auth: " in header
    assert told(["sk-1234567890.txt"], "sk-1234567890") is None
    assert told(["\udcff.txt"]) is None
