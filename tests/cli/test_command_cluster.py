"""``--ray``: what is said before a cluster is needed, and a folder of logs without one."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path

import pytest

from bulkdel import Lane
from bulkdel.cluster.plan import JobSpec, LaneSpec, begin_or_check
from bulkdel.emulator import AccountSettings
from bulkdel.errors import ConfigError
from bulkdel.providers import get
from bulkdel.result_log.fence import open_epoch_log
from bulkdel.result_log.folder import part_folder
from bulkdel.sources import Source
from tests.cluster.many import a_lane
from tests.support.command import KEYS, Job, assert_adds_up, emulated, results, run_command
from tests.support.log_samples import line

IDS = [f"resp_{number}" for number in range(40)]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_command_says_what_to_install(tmp_path: Path) -> None:
    """Nobody should have to look for the name of an extra."""
    (tmp_path / "ids.txt").write_text("resp_1\n")
    ended = run_command(
        "delete", "ids.txt", "-p", "ark", "--log", "job", "--yes", "--ray", cwd=tmp_path
    )

    assert ended.code == 2
    assert "pip install 'bulkdel[ray]'" in ended.err
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--ray", "ids.txt"], "no SOURCE given"),
        (["ids.txt", "--ray", "nowhere"], "is no address of a cluster"),
        (["ids.txt", "--workers", "3"], "--workers has no effect without --ray"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags: list[str], said: str, tmp_path: Path) -> None:
    """What a flag takes for its value may have been meant as a source."""
    (tmp_path / "ids.txt").write_text("resp_1\n")
    ended = run_command("delete", "-p", "ark", "--log", "job", "--yes", *flags, cwd=tmp_path)

    assert ended.code == 2
    assert said in ended.err


def _begun(job: Job) -> Path:
    """Make the folder of a job that workers have begun."""
    folder = job.folder / "job"
    lane = Lane(provider=get("ark"), api_key="k", base_url=job.emulator.base_url("ark"))
    begin_or_check(folder, [Source(name=str(job.file), lane="ark")], [lane], 4)
    return folder


def test_one_machine_goes_on_with_what_workers_have_begun(tmp_path: Path) -> None:
    """Without Ray: what any of them has logged is done, and is not sent again."""
    with emulated(ark=AccountSettings(ids=IDS[10:])) as emulator:
        job = Job(emulator, "ark", IDS, tmp_path)
        folder = _begun(job)
        for part in range(4):
            with open_epoch_log(part_folder(folder, part)) as (log, _):
                log.write(b"".join(line(one) for one in IDS[part:10:4]))

        ended = job.delete("--log", str(folder), "--json")

        assert ended.code == 0, ended.err
        assert_adds_up(ended.json)
        assert (ended.json["skipped"], ended.json["deleted"]) == (10, 30)
        assert job.requests == 30
        again = job.delete("--log", str(folder), "--json")
        assert (again.json["skipped"], again.json["requests"]) == (40, 0)
        done = job.delete("--log", str(tmp_path / "o.jsonl"), "--done", str(folder), "--json")
        assert (done.json["skipped"], done.json["requests"]) == (40, 0)
        state = run_command("status", folder, "--json").json
        assert state["lanes"]["ark"]["deleted"] == 40
        assert (state["runs"], state["state"]) == (2, "finished")
        assert len(results(folder / "run-000002.jsonl")) == 30


def test_a_job_goes_on_only_with_what_it_began_with(tmp_path: Path) -> None:
    """An ID in another part would be sent twice; the message says what was before."""
    with emulated(ark=AccountSettings(ids=IDS)) as emulator:
        job = Job(emulator, "ark", IDS, tmp_path)
        folder = _begun(job)
        (tmp_path / "other.txt").write_text("resp_1\n")
        other = [str(tmp_path / "other.txt") if a == str(job.file) else a for a in job.arguments]

        ended = run_command(*other, "--log", folder, env=KEYS)
        assert ended.code == 2
        assert "began with other sources" in ended.err
        elsewhere = job.delete("--log", str(folder), "--base-url", "http://127.0.0.1:9/api/v3")
        assert elsewhere.code == 2
        assert "began with other lanes" in elsewhere.err
        sealed = job.delete("--log", str(folder), "--seal")
        assert sealed.code == 2
        assert job.requests == 0

        (folder / "job.json").write_text("{")
        broken = job.delete("--log", str(folder))
        assert broken.code == 2
        assert "cannot be read" in broken.err


def test_no_key_travels(tmp_path: Path) -> None:
    """What a worker is told, and what stands in the folder, has the variable's name alone."""
    lane = a_lane(api_key="sk-very-secret-key")
    source = Source(name=str(tmp_path / "ids.txt"), lane="openai")
    begin_or_check(tmp_path / "job", [source], [lane], 2)
    spec = JobSpec(
        folder=tmp_path / "job",
        parts=2,
        sources=(source,),
        lanes=(LaneSpec.of(lane, "OPENAI_API_KEY"),),
        options={},
    )

    assert b"very-secret" not in pickle.dumps(spec)
    assert b"very-secret" not in (tmp_path / "job" / "job.json").read_bytes()
    made = pickle.loads(pickle.dumps(spec)).lanes[0]
    assert made.lane({"OPENAI_API_KEY": "k"}, "node a").secret == "k"
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set in the environment of node a"):
        made.lane({}, "node a")
