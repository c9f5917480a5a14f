"""A sealed run, its check, and what an auditor is told."""

from __future__ import annotations

import json
from pathlib import Path

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import Job, emulated, run_command


def test_a_sealed_run_is_checked_and_a_changed_byte_is_found(tmp_path: Path) -> None:
    """Over a resume, too."""
    ids = make_ids("ark", 300)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        first = job.delete("--seal", "--max-delete", "100")
        second = job.delete("--seal")

    sound = run_command("check", job.log)
    facts = run_command("check", job.log, "--json")
    data = job.log.read_bytes()
    place = data.index(b"resp_", len(data) // 2)
    job.log.write_bytes(data[:place] + b"R" + data[place + 1 :])
    changed = run_command("check", job.log)
    resumed = run_command("status", job.log)

    assert (first.code, second.code) == (3, 0)
    assert sound.code == 0, sound.out
    assert "as it was sealed" in sound.out
    assert facts.json["sound"]
    assert facts.json["seals"] >= 2
    assert changed.code == 1
    assert "CHANGED" in changed.out
    assert resumed.code == 0


def test_a_log_can_be_sealed_afterwards(tmp_path: Path) -> None:
    """And again, when more has come; an unsealed one says what to do."""
    log = tmp_path / "log.jsonl"
    line = '{"id":"resp_%d","lane":"ark","outcome":"deleted","status":200,"attempts":1}\n'
    log.write_text('{"run":{"at":"x"}}\n' + line % 1)

    without = run_command("check", log)
    first = run_command("seal", log)
    again = run_command("seal", log)
    with log.open("a") as file:
        file.write(line % 2)
    behind = run_command("check", log, "--json")
    third = run_command("seal", log)
    sound = run_command("check", log)
    nowhere = run_command("seal", tmp_path / "nope")

    assert (without.code, "no seal" in without.out) == (1, True)
    assert first.out == again.out
    assert "seal 1," in first.out
    assert (behind.code, behind.json["unsealed_bytes"]) == (1, len(line % 2))
    assert "seal 2," in third.out
    assert sound.code == 0
    assert nowhere.code == 2
    assert json.loads(log.read_text().splitlines()[-1])["seal"]["number"] == 2
