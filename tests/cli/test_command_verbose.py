"""``-v`` shows requests and answers; a pipe ends at a row whose lane has no key."""

from __future__ import annotations

import re
from pathlib import Path

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import KEY, emulated, run_command

LONG_KEY = "sk-a-long-key-1234567890"


def test_each_request_and_its_answer_is_shown_without_the_key(tmp_path: Path) -> None:
    """For who writes to support, or wonders what a proxy makes of it."""
    ids = make_ids("openai", 3)
    with emulated(openai=AccountSettings(ids=ids[:2], key=LONG_KEY)) as emulator:
        url = emulator.base_url("openai")
        (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
        usual = ("-p", "openai", "--base-url", url, "--yes", "--log", "log", "-v")
        ended = run_command(
            "delete", "ids.txt", *usual, cwd=tmp_path, env={"OPENAI_API_KEY": LONG_KEY}
        )
        wrong = run_command(
            *("delete", "ids.txt", "-p", "openai", "--base-url", url, "--yes", "--log", "other"),
            "-v",
            cwd=tmp_path,
            env={"OPENAI_API_KEY": "sk-another-key-1234567890"},
        )
        verified = run_command(
            "verify", "log", "-v", cwd=tmp_path, env={"OPENAI_API_KEY": LONG_KEY}
        )

    assert ended.code == 0, ended.err
    lines = [line for line in ended.err.splitlines() if " DELETE http" in line]
    assert len(lines) == 3
    assert re.match(rf"\d\d:\d\d:\d\d\.\d{{3}} openai DELETE {url}/responses/", lines[0])
    assert " 200 " in lines[0]
    assert '"deleted":true' in lines[0].replace(" ", "")
    assert " 404 " in lines[2]
    assert sum(" GET http" in line for line in verified.err.splitlines()) == 3
    assert " 401 " in wrong.err
    assert "another-key" not in wrong.err
    assert LONG_KEY not in ended.err + verified.err


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
