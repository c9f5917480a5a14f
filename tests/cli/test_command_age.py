"""``bulkdel delete FILE --older-than AGE``: by what the IDs say, without a request for it."""

from __future__ import annotations

import random
import time
from pathlib import Path

from bulkdel.emulator import AccountSettings
from bulkdel.providers.birth import ark_response
from bulkdel.result_log.encode import utc
from tests.engine.test_aging import DAY_S, ark_id
from tests.support.command import KEY, emulated, run_command


def test_only_what_is_old_enough_is_deleted(tmp_path: Path) -> None:
    """The rest is counted, is still there, and is looked at anew by the next run."""
    rng = random.Random(3)
    now_s = time.time()
    old = [ark_id(now_s - (2 + n % 5) * DAY_S, rng) for n in range(30)]
    young = [ark_id(now_s - n % 20 * 3600, rng) for n in range(50)]
    strange = ["resp_unknown", "resp_021"]
    made_s = [time_s for one in old if (time_s := ark_response(one)) is not None]
    (tmp_path / "ids.txt").write_text("\n".join([*young, *old, *strange, ""]))
    with emulated(ark=AccountSettings(ids=[*old, *young, *strange], key=KEY)) as emulator:
        at = ("ids.txt", "-p", "ark", "--base-url", emulator.base_url("ark"), "--log", "log")
        words = ("delete", *at, "--older-than", "1d", "--rate", "500")
        looked = run_command(*words, "--dry-run", cwd=tmp_path)
        ended = run_command(*words, "--yes", "--json", cwd=tmp_path)
        again = run_command(*words, "--yes", cwd=tmp_path)
        later = run_command(*words[:-4], "--older-than", "1h", "--yes", "--json", cwd=tmp_path)

    assert "52 are kept for their age, 2 of them of unknown age" in looked.out
    assert f"made from {utc(min(made_s))[:10]}" in looked.out
    assert f"to {utc(max(made_s))[:10]}" in looked.out
    summary = ended.json
    assert ended.code == 0
    assert (summary["read"], summary["deleted"], summary["pending"]) == (82, 30, 0)
    assert (summary["kept"], summary["kept_unknown"]) == (52, 2)
    assert "50 kept for their age, 2 kept since their age is not known" in again.out
    assert later.json["deleted"] == sum(n % 20 >= 1 for n in range(50))


def test_ids_that_say_nothing_of_their_age_are_no_base_for_a_choice(tmp_path: Path) -> None:
    """Then nothing is sent; and ages that cannot be read are refused."""
    (tmp_path / "ids.txt").write_text("resp_1\n")

    fireworks = run_command(
        "delete", "ids.txt", "-p", "fireworks", "--older-than", "1d", cwd=tmp_path
    )
    odd = run_command("delete", "ids.txt", "-p", "ark", "--older-than", "old", cwd=tmp_path)

    assert (fireworks.code, odd.code) == (2, 2)
    assert "lane fireworks: its IDs do not say how old they are" in fireworks.err
    assert "30d, 12h or 2w" in odd.err
