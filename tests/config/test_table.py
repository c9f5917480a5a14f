"""A file of settings is read whole, or refused with file, line, key and what is allowed."""

from __future__ import annotations

import contextlib
import random
import re
from pathlib import Path

import pytest

from bulkdel.config import FromVariable, read_config
from bulkdel.config.table import Table
from bulkdel.errors import ConfigError
from bulkdel.models import Answer, Meaning
from bulkdel.providers import PROVIDERS, added, find
from tests.support.seeds import seeds

COMMANDS = ["delete", "list", "verify"]
SAMPLE = Path(__file__).parents[2] / "samples" / "bulkdel.toml"
WHOLE = SAMPLE.read_text(encoding="utf-8")


def refusal(text: str, tmp_path: Path) -> str:
    """Return why a file is refused."""
    path = tmp_path / "bulkdel.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_config(path, COMMANDS)
    return str(refused.value)


def answer(status: int, body: str) -> Answer:
    """Return an answer."""
    return Answer(status, body.encode(), {"content-type": "application/json"}, 0.0)


def test_the_sample_says_what_it_means() -> None:
    """It is what people copy."""
    config = read_config(SAMPLE, COMMANDS)

    with added(config.providers, {name: lane.provider for name, lane in config.lanes.items()}):
        provider, files = find("acme:files")
        threads = find("acme:threads")[1]
        assert find("eu-files") == find("openai:files")
        assert (provider.title, provider.rate_max) == ("Acme AI", 20)
        assert provider.headers("k") == {"Authorization": "Bearer k"}
        assert files.delete.url(provider.base_url, "file-1").endswith("/v1/files/file-1")
    assert "acme" not in PROVIDERS
    assert threads.listing is not None
    assert threads.listing.target(None) == "/threads?limit=100"
    gone = '{"error":{"message":"No thread found with id \'thread_1\'.","type":"invalid_request_error"}}'
    confirmed = '{"id":"thread_1","object":"thread.deleted","deleted":true}'
    judged = [
        threads.delete.judge("thread_1", answer(200, confirmed)),
        threads.delete.judge("thread_2", answer(200, confirmed)),
        threads.delete.judge("thread_1", answer(404, gone)),
        threads.delete.judge("thread_2", answer(404, gone)),
    ]
    assert judged[0].meaning is Meaning.DELETED
    assert judged[2].meaning is Meaning.GONE
    assert {judged[1].meaning, judged[3].meaning}.isdisjoint({Meaning.DELETED, Meaning.GONE})
    lane = config.lanes["eu-files"]
    assert lane.flags["rate_max"] == "50"
    assert lane.headers == {
        "OpenAI-Project": "proj_1",
        "X-Gateway-Key": FromVariable("GATEWAY_KEY"),
    }


@pytest.mark.parametrize(
    ("was", "now", "below", "words"),
    [
        ("rate_max = 20 ", "ratemax = 20 ", 0, "Did you mean rate_max"),
        ("rate_max = 20 ", 'rate_max = "20" ', 0, "must be a number"),
        ("rate_max = 20 ", "rate_max = 0 ", 0, "0.001 to"),
        ('"ACME_API_KEY"', '"sk-hush-1234"', 0, "not the key"),
        ('"OPENAI_EU_KEY"', '"sk-hush-1234"', 0, "not the key"),
        ("[providers.acme]", "[providers.ark]", 0, "is built in"),
        ("[providers.acme]", '[providers."ac-me"]', 0, "a-z, 0-9"),
        ('"https://api.acme.example/v1"', '"https://u:p@acme.example"', 0, "user name"),
        ('"https://api.acme.example/v1"', '"acme"', 0, "must look like"),
        ('like = "openai:files"', 'like = "openai:filez"', 0, "Did you mean openai:files"),
        ('like = "openai:files"', 'like = "openai:files"\npath = "/f/{id}/{id}"', 1, "/files/{id}"),
        ('"/threads/{id}"', '"/threads/../{id}"', 0, "path below"),
        ('"/threads/{id}"', '"/threads/{id}?x=1"', 0, "path below"),
        ('"/threads/{id}"', '"threads/{id}"', 0, "path below"),
        ('"/threads/{id}"', '"/users/{user_id}/threads/{id}"', 0, "need the same places"),
        ("with id '{id}'", "", 0, "{id} is its place"),
        ('kinds = ["thread.deleted"]', "confirmed = { ok = true }", 0, "the ID again"),
        ('provider = "openai:files"', 'provider = "open"', 0, "no provider 'open'"),
        ("[lanes.eu-files]", "[lanes.nobody]\n[lanes.eu-files]", 0, "no provider 'nobody'"),
        ("[lanes.eu-files]", "[lanes.ark]", 0, "already means another lane"),
        ("[lanes.eu-files]", '[lanes."eu files"]', 0, "a lane's name"),
        ("rate_max = 50", "rate_max = true", 0, "a text or a number"),
        ("headers = {", "header = {", 0, "Did you mean headers"),
        ("[delete] ", "[delte] ", 0, "Did you mean delete"),
        ("# Settings", "list = 1\n# Settings", 0, "must be a table"),
        ('durability = "full"', "durability = full", 0, "Invalid value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    was: str, now: str, below: int, words: str, tmp_path: Path
) -> None:
    """Whoever has written it looks there."""
    before, found, _ = WHOLE.partition(was)
    assert found
    line = before.count("\n") + 1 + below

    said = refusal(WHOLE.replace(was, now, 1), tmp_path)

    assert words in said
    assert "bulkdel.toml" in said
    assert re.search(rf"line {line}\b", said), said
    assert "hush" not in said


def test_what_is_no_text_is_said(tmp_path: Path) -> None:
    """A file of another encoding, a folder, none."""
    path = tmp_path / "bulkdel.toml"
    with pytest.raises(ConfigError, match="No such file"):
        read_config(path, COMMANDS)
    path.write_bytes(b"\xff\xfe[\0")
    with pytest.raises(ConfigError, match="no UTF-8"):
        read_config(path, COMMANDS)
    with pytest.raises(ConfigError, match="Is a directory"):
        read_config(tmp_path, COMMANDS)


@pytest.mark.parametrize("seed", seeds(30))
def test_a_damaged_file_is_refused_or_read_and_nothing_else(seed: int, tmp_path: Path) -> None:
    """Lines cut out, doubled and cut short: an error of ours, never another one."""
    dice = random.Random(seed)
    lines = WHOLE.splitlines()
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(lines))
        kind = dice.randrange(5)
        if kind == 0:
            del lines[place]
        elif kind == 1:
            lines.insert(place, lines[dice.randrange(len(lines))])
        elif kind == 2:
            lines[place] = lines[place][: dice.randrange(len(lines[place]) + 1)]
        elif kind == 3:
            key = lines[place].partition("=")[0]
            lines[place] = (
                f"{key}= {dice.choice(['1', 'true', '[]', '{}', '[{}]', '-1', '1979-05-27'])}"
            )
        else:
            lines[place] = lines[place].replace('"', dice.choice(["'", '""', ""]), 1)
    path = tmp_path / "bulkdel.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    before = dict(PROVIDERS)

    with contextlib.suppress(ConfigError):
        read_config(path, COMMANDS)

    assert dict(PROVIDERS) == before


def test_the_line_of_a_key_is_found_in_every_way_to_write_it() -> None:
    """Dotted, quoted, inline, in a table of a table."""
    text = (
        'a.b = 1\n["c.d"]\n# e = 2\n"e f" = 2\n[g.h]\ni = { j = { k = 1 } }\n[g]\nl = [\n  1,\n]\n'
    )
    table = Table.read("f.toml", text)

    def line(table: Table, key: str) -> str:
        return str(re.findall(r"line (\d+)", str(table.wrong(key, "no")))[0])

    assert line(table.table("a"), "b") == "1"
    assert line(table.table("c.d"), "e f") == "4"
    assert line(table.table("g").table("h").table("i").table("j"), "k") == "6"
    assert line(table.table("g"), "l") == "8"
