"""``bulkdel logs``: what is in a folder, at a glance."""

from __future__ import annotations

import json
from pathlib import Path

from bulkdel.emulator import AccountSettings, make_ids
from bulkdel.result_log.glance import glance
from tests.support.command import KEY, emulated, run_command


def test_the_logs_of_a_folder_and_how_they_stand(tmp_path: Path) -> None:
    """Finished, stopped, killed; other files are none of them."""
    ids = make_ids("ark", 30)
    (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
    (tmp_path / "other.jsonl").write_text('{"id":"resp_1"}\n')
    (tmp_path / "empty.jsonl").touch()
    with emulated(ark=AccountSettings(ids=ids, key=KEY)) as emulator:
        at = ("-p", "ark", "--base-url", emulator.base_url("ark"), "--yes", "--rate", "500")
        for name, more in (("stopped", ["--max-delete", "10"]), ("whole", [])):
            run_command(*("delete", "ids.txt", *at, "--log", f"{name}.log"), *more, cwd=tmp_path)
    whole = (tmp_path / "whole.log").read_bytes()
    (tmp_path / "killed.log").write_bytes(whole[: whole.rindex(b'{"end"')])

    told = run_command("logs", tmp_path)
    facts = run_command("logs", "--json", cwd=tmp_path)
    nothing = run_command("logs", tmp_path / "nowhere")

    assert told.code == 0
    lines = told.out.splitlines()
    assert [line.rpartition("/")[2] for line in lines if line.startswith("/")] == [
        "killed.log: killed, or its machine went down",
        "stopped.log: stopped",
        "whole.log: finished",
    ]
    assert "10 deleted, 20 still to do" in told.out
    assert "it stopped:" in told.out
    rows = {row["log"]: row for row in map(json.loads, facts.out.splitlines())}
    assert {name: row["state"] for name, row in rows.items()} == {
        "killed.log": "killed",
        "stopped.log": "stopped",
        "whole.log": "finished",
    }
    assert rows["stopped.log"]["newest"]["pending"] == 20
    assert rows["whole.log"]["lanes"] == ["ark"]
    assert nothing.code == 2


def test_a_glance_reads_both_ends_of_any_file(tmp_path: Path) -> None:
    """Cut, padded with NUL bytes, of other things: never an error."""
    path = tmp_path / "log"
    run, end = b'{"run":{"at":"2026"}}\n', b'{"end":{"state":"finished"},"at":"2027"}\n'
    for data, state in (
        (b"", None),
        (b"{", None),
        (b'{"run":', None),
        (b'{"run":1}\n', None),
        (run, "killed"),
        (run[:-1], "killed"),
        (run + end, "finished"),
        (run + end + b"\0" * 4096, "finished"),
        (run + end + b'{"id":"resp_1"', "killed"),
        (run + b"x" * 600_000 + b"\n" + end, "finished"),
        (b'{"run":{"sources":["%b"]}}\n' % (b"x" * 600_000) + end, "finished"),
    ):
        path.write_bytes(data)
        seen = glance(path)
        found = None if seen is None else "killed" if seen.end is None else seen.end["state"]
        assert found == state, data[:40]
