"""What comes from a pipe is looked at as it comes: it ends before anything wrong is sent."""

from __future__ import annotations

from pathlib import Path

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import KEY, emulated, run_command


def test_a_pipe_ends_at_a_row_whose_lane_has_no_key(tmp_path: Path) -> None:
    """It was passed over as invalid: what is deleted hung on what happened to be set."""
    ids = make_ids("openai", 4)
    rows = [f"{one},openai\n" for one in ids[:2]] + ["resp_1,fireworks\n", f"{ids[2]},openai\n"]
    with emulated(openai=AccountSettings(ids=ids, key=KEY)) as emulator:
        ended = run_command(
            *("delete", "-", "--format", "csv", "--provider-field", "lane", "--log", "log"),
            *("--yes", "--base-url", f"openai={emulator.base_url('openai')}"),
            stdin="id,lane\n" + "".join(rows) + "x,nonsense\n",
            cwd=tmp_path,
            env={"OPENAI_API_KEY": KEY},
        )
        left = emulator.present("openai")

    assert ended.code == 3
    assert "line 4: this row names the lane 'fireworks'" in ended.err
    assert "FIREWORKS_API_KEY is not set" in ended.err
    assert left == ids[2:]
    assert '"invalid"' not in (tmp_path / "log").read_text().splitlines()[-2]


def test_a_pipe_of_something_else_deletes_nothing(tmp_path: Path) -> None:
    """Rows of a table taken for text are all "gone", and the run would end well."""
    ids = make_ids("ark", 40)
    rows = "".join(f"{one},2026-01-01\n" for one in ids)
    with emulated(ark=AccountSettings(ids=ids, key=KEY)) as emulator:
        url = emulator.base_url("ark")
        usual = ("delete", "-", "-p", "ark", "--base-url", url, "--yes", "--log")
        wrong = run_command(*usual, "log", stdin=rows, cwd=tmp_path, env={"ARK_API_KEY": KEY})
        right = run_command(
            *(*usual, "log2"),
            stdin="".join(f"{one}\n" for one in ids),
            cwd=tmp_path,
            env={"ARK_API_KEY": KEY},
        )

    assert wrong.code == 3
    assert "40 of the first 40 IDs do not look like those of ark" in wrong.err
    assert "Requests: 0 sent" in wrong.out
    assert right.code == 0, right.err
