"""``-v`` shows requests and answers."""

from __future__ import annotations

import re
from pathlib import Path

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import emulated, run_command

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
