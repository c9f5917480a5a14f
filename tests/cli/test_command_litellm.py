"""The real command against an emulated LiteLLM proxy."""

from __future__ import annotations

from pathlib import Path

from bulkdel.emulator import AccountSettings, make_ids
from bulkdel.providers.litellm_ids import is_sealed
from tests.support.command import Job, assert_adds_up, emulated, results

IDS = make_ids("litellm", 300)


def test_all_is_deleted_and_gone_the_second_time(tmp_path: Path) -> None:
    """It confirms other IDs than those that it is asked for, which once stopped the lane."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with emulated(litellm=AccountSettings(ids=IDS)) as emulator:
        job = Job(emulator, "litellm", IDS, first)
        ended = job.delete("--json")
        again = Job(emulator, "litellm", IDS, second).delete("--json", "--allow-gone")

        assert (ended.code, ended.json["deleted"], job.present) == (0, 300, 0)
        assert (again.code, again.json["gone"], again.json["deleted"]) == (0, 300, 0)
    assert {line["id"] for line in results(job.log)} == set(IDS)
    assert_adds_up(ended.json)


def test_people_are_told_what_cannot_be_checked(tmp_path: Path) -> None:
    """Whose confirmation it is, for an ID that only the proxy can read."""
    sealed = sum(map(is_sealed, IDS))
    with emulated(litellm=AccountSettings(ids=IDS)) as emulator:
        ended = Job(emulator, "litellm", IDS, tmp_path).delete("--dry-run")

    assert ended.code == 0
    assert 0 < sealed < 300
    assert f"{sealed} hide the ID that LiteLLM proxy confirms" in ended.out + ended.err


def test_the_wrong_provider_is_told_the_right_one(tmp_path: Path) -> None:
    """With OpenAI's rules the first confirmation is one of another ID."""
    with emulated(litellm=AccountSettings(ids=IDS)) as emulator:
        job = Job(emulator, "litellm", IDS, tmp_path)
        ended = job.delete("-p", "openai")

        assert ended.code == 3
        assert job.requests <= 3
    assert results(job.log) == []
    assert "--provider litellm" in ended.err


def test_a_wrong_key_stops_the_lane_and_burns_no_id(tmp_path: Path) -> None:
    """Without a database it answers 400, as to a bad request."""
    with emulated(litellm=AccountSettings(ids=IDS)) as emulator:
        job = Job(emulator, "litellm", IDS, tmp_path)
        ended = job.delete(env={"LITELLM_PROXY_API_KEY": "sk-of-somebody-else"})

        assert (ended.code, job.present) == (3, 300)
        assert job.requests <= 3
    assert results(job.log) == []
    assert "refuses the key" in ended.err
