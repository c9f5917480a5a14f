"""``bulkdel verify`` against the emulator: delete, look, and pipe what is alive back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from bulkdel.providers import PROVIDERS
from tests.support.command import KEY, emulated, run_command, whose

ENV = {provider.key_env: KEY for provider in PROVIDERS.values()}


@pytest.mark.parametrize(
    "lane", ["ark", "openai:files", "openai:eval_runs", "gemini:files", "anthropic:files"]
)
def test_what_was_deleted_is_verified_and_what_is_there_is_printed(
    lane: str, tmp_path: Path
) -> None:
    """A log that says more than is true is found out."""
    ids = make_ids(lane, 120)
    (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids[:100]))
    with emulated(**{lane: AccountSettings(ids=ids, key=KEY)}) as emulator:
        at = ["--base-url", emulator.base_url(lane)]
        usual = ("-p", lane, *at, *whose(lane), "--log", "log.jsonl", "--yes", "--rate", "500")
        deleted = run_command("delete", "ids.txt", *usual, cwd=tmp_path, env=ENV)
        verify = ("verify", "log.jsonl", "--rate", "500")
        clean = run_command(*verify, cwd=tmp_path, env=ENV)
        log = tmp_path / "log.jsonl"
        lines = log.read_text().splitlines(keepends=True)
        false = [line.replace(ids[0], one) for one in ids[100:] for line in lines if ids[0] in line]
        log.write_text("".join(lines[:-1] + false[:20] + lines[-1:]))
        alive = run_command(*verify, cwd=tmp_path, env=ENV)
        some = run_command(*verify, "--sample", "40", "--json", cwd=tmp_path, env=ENV)

    assert deleted.code == 0, deleted.err
    if lane == "gemini:files":  # a 403 for what is missing is no proof
        assert clean.code == 3
        return
    assert (clean.code, clean.out) == (0, ""), clean.err
    assert f"{lane}: 0 of 100 are still there." in clean.err
    assert alive.code == 1
    assert sorted(alive.out.splitlines()) == sorted(ids[100:])
    assert "20 of 120 are still there" in alive.err
    assert some.json[lane]["asked"] == 40
    findings = (tmp_path / "log.jsonl.verify.jsonl").read_text().splitlines()
    assert len(findings) == 100 + 120 + 40
    assert {json.loads(line)["found"] for line in findings} == {"present", "absent"}


def test_only_those_of_a_lost_answer(tmp_path: Path) -> None:
    """They are the ones in doubt."""
    ids = make_ids("openai", 3)
    line = '{"id":"%s","lane":"openai","outcome":"gone","status":404,"attempts":2%s}\n'
    log = tmp_path / "log.jsonl"
    with emulated(openai=AccountSettings(ids=ids, key=KEY)) as emulator:
        place = {"openai": {"provider": "openai", "base_url": emulator.base_url("openai")}}
        log.write_text(
            json.dumps({"run": {"lanes": place}})
            + "\n"
            + line % (ids[0], "")
            + line % (ids[1], ',"after_unknown":true')
        )
        ended = run_command("verify", log, "--only", "after_unknown", env=ENV)

    assert (ended.code, ended.out) == (1, f"{ids[1]}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give one log"),
        (["nope.jsonl"], "nope.jsonl"),
        (["log.jsonl", "--sample", "0"], "3000 or 1%"),
        (["log.jsonl", "--sample", "101%"], "3000 or 1%"),
        (["empty.jsonl"], "no results"),
    ],
)
def test_wrong_usage_is_said(arguments: list[str], words: str, tmp_path: Path) -> None:
    """Nothing is asked."""
    place = {"openai": {"provider": "openai", "base_url": "http://127.0.0.1:9/v1"}}
    head = json.dumps({"run": {"lanes": place}}) + "\n"
    (tmp_path / "empty.jsonl").write_text(head)
    (tmp_path / "log.jsonl").write_text(
        head + '{"id":"resp_1","lane":"openai","outcome":"gone","status":404,"attempts":1}\n'
    )

    ended = run_command("verify", *arguments, cwd=tmp_path, env=ENV)

    assert ended.code == 2
    assert words in ended.err
