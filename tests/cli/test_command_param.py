"""``--param``: objects below others, as the files of a vector store. Whose they are is never left open."""

from __future__ import annotations

import json
from pathlib import Path

from bulkdel.emulator import PARENT, AccountSettings, make_ids
from tests.support.command import KEY, emulated, run_command

LANE = "openai:vector_store_files"
WHOSE = ("--param", f"vector_store_id={PARENT}")


def test_whose_they_are_must_be_said_and_be_right(tmp_path: Path) -> None:
    """What is missing, unknown, or could lead elsewhere is refused before anything is sent."""
    (tmp_path / "ids.txt").write_text("file-1\n")
    base = ("delete", "ids.txt", "-p", LANE, "--yes")
    with emulated(**{LANE: AccountSettings(ids=["file-1"], key=KEY)}) as emulator:
        at = ("--base-url", emulator.base_url(LANE))
        ended = {
            words: run_command(*base, *at, *(f"--param={word}" for word in words), cwd=tmp_path)
            for words in (
                (),
                ("vector_store_id",),
                ("vector_store_id=",),
                ("vector_store_id=a/b",),
                ("vector_store_id=..",),
                ("store=vs_1",),
                ("fireworks=vector_store_id=vs_1",),
                ("vector_store_id=vs_1", "eval_id=eval_1"),
            )
        }
        there = emulator.present(LANE)
        requests = emulator.stats()["totals"]["requests"]

    assert {each.code for each in ended.values()} == {2}
    assert "--param vector_store_id=ID" in ended[()].err
    assert "no lane 'fireworks'" in ended[("fireworks=vector_store_id=vs_1",)].err
    assert (there, requests) == (["file-1"], 0)


def test_a_parent_that_does_not_exist_burns_no_id(tmp_path: Path) -> None:
    """All that is below the right one is still there: a 404 says nothing of it."""
    ids = make_ids(LANE, 50)
    (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
    with emulated(**{LANE: AccountSettings(ids=ids, key=KEY)}) as emulator:
        at = ("ids.txt", "-p", LANE, "--base-url", emulator.base_url(LANE), "--log", "log")
        usual = ("delete", *at, "--yes", "--json")
        wrong = run_command(*usual, "--param", "vector_store_id=vs_wrong", cwd=tmp_path)
        other = run_command(*usual, *WHOSE, cwd=tmp_path)
        right = run_command(*usual[:-3], "new.log", "--yes", "--json", *WHOSE, cwd=tmp_path)
        (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in [*ids, "file-gone1234567"]))
        gone = run_command(*usual[:-3], "new.log", "--yes", "--json", *WHOSE, cwd=tmp_path)

    assert wrong.code == 3
    assert wrong.json["pending"] == 50
    assert "it may be the vector_store_id that does not exist" in wrong.json["reason"]
    assert other.code == 2  # the log is of another store
    assert "vector_store_id vs_wrong" in other.err
    assert (right.code, right.json["deleted"]) == (0, 50)
    assert gone.json["gone"] == 1


def test_two_parents_are_two_lanes_and_the_log_knows_whose(tmp_path: Path) -> None:
    """A file in two stores is two objects: each has its own line."""
    ids = make_ids(LANE, 30)
    (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
    (tmp_path / "bulkdel.toml").write_text(
        f'[lanes.store]\nprovider = "{LANE}"\nparams = {{ vector_store_id = "{PARENT}" }}\n'
    )
    with emulated(**{LANE: AccountSettings(ids=ids, key=KEY)}) as emulator:
        at = ("--base-url", emulator.base_url(LANE))
        card = run_command("delete", "store=ids.txt", *at, "--dry-run", cwd=tmp_path)
        checked = run_command("providers", LANE, "--check", *WHOSE)
        listed = run_command("list", LANE, *at, *WHOSE, "-o", "all.jsonl", cwd=tmp_path)
        (tmp_path / "all.jsonl.cursor").write_text(
            json.dumps({"lane": LANE, "params": {"vector_store_id": "vs_2"}, "cursor": None})
        )
        relisted = run_command("list", LANE, *at, *WHOSE, "-o", "all.jsonl", cwd=tmp_path)
        words = ("delete", "store=ids.txt", *at, "--log", "log", "--yes")
        deleted = run_command(*words, cwd=tmp_path)
        verified = run_command("verify", "log", "--rate", "500", cwd=tmp_path)
        report = run_command("report", "log", "--format", "json", cwd=tmp_path)

    assert f"vector_store_id {PARENT}" in card.out
    assert "the file itself" in card.out
    assert f"/vector_stores/{PARENT}/files/" in card.out
    assert f"DELETE https://api.openai.com/v1/vector_stores/{PARENT}/files/" in checked.out
    assert listed.code == 0
    assert relisted.code == 2
    assert deleted.code == 0, deleted.err
    assert verified.code == 0, verified.err
    assert "0 of 30 are still there" in verified.err
    assert f"vector_store_id={PARENT}" in report.json["lanes"][0]["resource"]
