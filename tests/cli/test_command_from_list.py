"""``bulkdel delete --from-list``: listed to a file, then deleted; what was interrupted goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Emulator, make_ids
from tests.support.command import KEY, Ended, emulated, run_command

LANE = "openai:files"
ENV = {"OPENAI_API_KEY": KEY}
IDS = make_ids(LANE, 1200)
LIST = "log.jsonl.list.jsonl"


def delete(emulator: Emulator, folder: Path, *words: str, yes: bool = True) -> Ended:
    """Delete from a list."""
    return run_command(
        *("delete", "--from-list", LANE, "--base-url", emulator.base_url(LANE)),
        *("--log", "log.jsonl", "--rate", "3000", *(["--yes"] if yes else []), *words),
        cwd=folder,
        env=ENV,
    )


def test_what_is_chosen_is_listed_then_deleted(tmp_path: Path) -> None:
    """The rest stays, and the list is put away."""
    with emulated(**{LANE: AccountSettings(ids=IDS, key=KEY)}) as emulator:
        looked = delete(emulator, tmp_path, "--where", "purpose=batch", "--dry-run")
        before = len(emulator.present(LANE))
        ended = delete(emulator, tmp_path, "--where", "purpose=batch")
        left = emulator.present(LANE)
        nothing = delete(emulator, tmp_path, "--where", "purpose=batch")

    rows = [json.loads(line) for line in (tmp_path / f"{LIST}.done").read_text().splitlines()]
    assert looked.code == 0, looked.err
    assert "600 IDs to delete" in looked.out
    assert before == 1200
    assert ended.code == 0, ended.err
    assert f"Going on with the list {LIST} of 20" in ended.err
    assert "600 objects in log.jsonl.list.jsonl, made from 2026-01-01" in ended.err
    assert "600 deleted" in ended.out
    assert len(left) == 600
    assert nothing.code == 0
    assert "Nothing fits" in nothing.err
    assert rows == []
    assert not (tmp_path / LIST).exists()
    assert not (tmp_path / f"{LIST}.cursor").exists()


def test_an_interrupted_deletion_goes_on_with_its_list(tmp_path: Path) -> None:
    """Objects that are made meanwhile are of the next one."""
    with emulated(**{LANE: AccountSettings(ids=IDS, key=KEY)}) as emulator:
        first = delete(emulator, tmp_path, "--max-delete", "500")
        other = delete(emulator, tmp_path, "--limit", "5")
        left = len(emulator.present(LANE))
        again = delete(emulator, tmp_path)
        assert emulator.present(LANE) == []

    assert first.code == 3
    assert left == 700
    assert other.code == 2
    assert "another list" in other.err
    assert again.code == 0, again.err
    assert "700 deleted" in again.out
    assert (tmp_path / f"{LIST}.done").exists()


def test_an_interrupted_list_goes_on_and_its_limit_counts_what_is_there(tmp_path: Path) -> None:
    """Nothing is deleted before it is whole."""
    with emulated(**{LANE: AccountSettings(ids=IDS, key=KEY)}) as emulator:
        assert delete(emulator, tmp_path, "--limit", "1100", "--dry-run").code == 0
        lines = (tmp_path / LIST).read_bytes().splitlines(keepends=True)
        note = json.loads((tmp_path / f"{LIST}.cursor").read_bytes())
        begun = b"".join(lines[:1000])
        (tmp_path / LIST).write_bytes(begun + b'{"id":"fi')
        note |= {"cursor": json.loads(lines[999])["id"], "bytes": len(begun), "whole": False}
        (tmp_path / f"{LIST}.cursor").write_text(json.dumps(note))

        ended = delete(emulator, tmp_path, "--limit", "1100")

        assert len(emulator.present(LANE)) == 100
    assert f"Going on with {LIST}." in ended.err
    assert "1,100 deleted" in ended.out


def test_what_cannot_be_listed_deletes_nothing(tmp_path: Path) -> None:
    """A wrong key, a resource without a list, no terminal."""
    with emulated(**{LANE: AccountSettings(ids=IDS, key="other")}) as emulator:
        wrong = delete(emulator, tmp_path)
        unasked = delete(emulator, tmp_path, yes=False)
        no_list = run_command("delete", "--from-list", "openai", "--yes", cwd=tmp_path, env=ENV)
        assert emulator.present(LANE) == IDS

    assert wrong.code == 3
    assert unasked.code == 2
    assert "--yes" in unasked.err
    assert no_list.code == 3
    assert "no list" in no_list.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ids.txt -p ark --where a=b", "--where a=b has no effect without --from-list"),
        (
            "ids.txt -p ark --older-than 30d --limit 5",
            "--limit 5 has no effect without --from-list",
        ),
        ("ids.txt --from-list openai:files", "SOURCE ids.txt has no effect beside --from-list"),
        ("--from-list openai:files -p ark", "-p ark has no effect beside --from-list"),
        ("--from-list openai:files --no-header", "--no-header has no effect"),
        ("--from-list openai:filez", "Did you mean openai:files"),
        ("--from-list openai:files --older-than old", "old"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(words: str, said: str, tmp_path: Path) -> None:
    """Whoever gives one counts on it."""
    (tmp_path / "ids.txt").write_text("file-1\n")

    ended = run_command("delete", *words.split(), "--yes", cwd=tmp_path, env=ENV)

    assert ended.code == 2
    assert said in ended.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ids.txt"]
