"""The real command on damaged and hostile sources: only what they name is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Emulator
from tests.support.command import Ended, emulated, results, run_command

NAMED = ["resp_1", "resp_2"]
KEPT = ["resp_KEEP", "resp_12", "file-KEEP", "resp_é-1"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A provider that holds what the sources name, and what they must not reach."""
    with emulated(ark=AccountSettings(ids=[*NAMED, *KEPT])) as emulator:
        yield emulator


def _delete(emulator: Emulator, *arguments: str | Path, stdin: bytes = b"") -> Ended:
    url = emulator.base_url("ark")
    return run_command(
        *("delete", *arguments, "-p", "ark", "--base-url", url, "--yes", "--allow-gone"),
        stdin=stdin,
    )


@pytest.mark.parametrize(
    ("name", "rows", "line"),
    [
        ("ids.csv", b'id,note\nresp_1,\nresp_2,\nx,"' + b"t\nresp_KEEP,\n" * 100_000 + b'"\n', 4),
        ("ids.csv", b'id,note\nresp_1,\nresp_2,\nx,"\xff\nresp_KEEP,\n"\n', 4),
        ("ids.csv", b'id,note\nresp_1,\nresp_2,\nx,"a"b\nresp_KEEP,\n"\n', 4),
        ("ids.jsonl", b'{"id":"resp_1"}\n{"id":"resp_2"}\n{"x":"\n{"id":"resp_KEEP"}\n"}\n', 3),
    ],
    ids=["long", "byte", "quote", "json"],
)
def test_nothing_behind_the_damage_is_deleted(
    emulator: Emulator, tmp_path: Path, name: str, rows: bytes, line: int
) -> None:
    """It is said where the source ends, and that this was not all of it."""
    path = tmp_path / name
    path.write_bytes(rows)

    ended = _delete(emulator, path)

    assert ended.code == 3
    assert f"{path}, line {line}: " in ended.err
    assert emulator.present("ark") == KEPT


def test_half_an_id_at_the_end_of_a_pipe_is_not_deleted(emulator: Emulator, tmp_path: Path) -> None:
    """A producer died: `resp_12` is the beginning of an ID, and the whole of another one."""
    log = tmp_path / "log.jsonl"

    ended = _delete(emulator, "-", "--log", log, "--json", stdin=b"resp_1\nresp_2\nresp_12")

    assert ended.code == 1
    assert emulator.present("ark") == KEPT
    [row] = [line for line in results(log) if line["outcome"] == "invalid"]
    assert (row["id"], row["line"]) == ("resp_12", 3)
    assert "may be cut off" in row["error"]


def test_hostile_ids_are_named_and_not_sent(emulator: Emulator, tmp_path: Path) -> None:
    """Neither what a proxy would resolve, nor what would end as "gone" while the object stays."""
    path = tmp_path / "ids.txt"
    path.write_text(
        "resp_1\n../files/file-KEEP\nresp_A/../resp_KEEP\nresp_KEEP\u200b\nresp\u00ad_KEEP\n"
        "resp_KEEP?x\n\ufeffresp_2 \nresp_KEEP\ufffd\n",
        encoding="utf-8",
    )

    ended = _delete(emulator, path, "--json")

    assert ended.code == 1
    assert emulator.present("ark") == KEPT
    assert (ended.json["requests"], ended.json["stripped"]) == (2, 1)
    reasons = {
        row["line"]: row["error"]
        for row in results(tmp_path / "ids.txt.bulkdel.jsonl")
        if row["outcome"] == "invalid"
    }
    assert reasons == {
        2: "the ID holds U+002F SOLIDUS at place 3",
        3: "the ID holds U+002F SOLIDUS at place 7",
        4: "the ID holds U+200B ZERO WIDTH SPACE at place 10",
        5: "the ID holds U+00AD SOFT HYPHEN at place 5",
        6: "the ID holds U+003F QUESTION MARK at place 10",
        8: "the ID holds U+FFFD REPLACEMENT CHARACTER at place 10",
    }


def test_any_id_sends_what_was_refused(emulator: Emulator, tmp_path: Path) -> None:
    """The reason names the flag, and the row that this log has as invalid is an ID then."""
    path = tmp_path / "ids.txt"
    path.write_text("resp_é-1\n", encoding="utf-8")

    refused = _delete(emulator, path)
    [row] = results(tmp_path / "ids.txt.bulkdel.jsonl")
    sent = _delete(emulator, path, "--any-id")

    assert (refused.code, sent.code) == (1, 0)
    assert row["error"].endswith("at place 6 (--any-id accepts it)")
    assert emulator.present("ark") == [*NAMED, *KEPT[:-1]]
