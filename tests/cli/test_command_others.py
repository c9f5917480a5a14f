"""The other commands, `--dry-run`, help and the environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulkdel.cli import cli
from bulkdel.emulator import AccountSettings, make_ids
from bulkdel.providers import PROVIDERS
from bulkdel.result_log.lock import lock_log
from tests.support.command import (
    COMMAND,
    KEYS,
    TIMEOUT_S,
    Job,
    emulated,
    environment,
    run_command,
    started,
)

ARK_URL = PROVIDERS["ark"].base_url

LOG = """\
{"run":{"at":"2026-11-22T00:00:00.000Z","version":"0.1.0","lanes":{"ark":{"provider":"ark","base_url":"https://a/b"}},"sources":["ids.txt"]}}
{"id":"resp_1","lane":"ark","outcome":"deleted","status":200,"attempts":1,"at":"2026-11-22T00:00:01.000Z","ms":5}
{"id":"resp_2","lane":"ark","outcome":"failed","status":500,"attempts":5,"at":"2026-11-22T00:00:02.000Z","ms":5,"retryable":true}
{"id":"resp_3","lane":"ark","outcome":"failed","status":400,"attempts":1,"at":"2026-11-22T00:00:03.000Z","ms":5,"retryable":false}
what a bad disk left
{"id":"resp_4","lane":"ark","outcome":"gone","status":404,"attempts":1,"at":"2026-11-22T00:00:04.000Z","ms":5}
{"id":"resp_5","la"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of a killed run, with a damaged line and a torn one."""
    path = tmp_path / "purge.jsonl"
    path.write_text(LOG)
    return path


def test_status_says_what_a_log_holds_and_what_is_wrong_with_it(log: Path) -> None:
    """It is what a user looks at before starting again, and it changes nothing."""
    ended = run_command("status", log)
    as_json = run_command("status", log, "--json")

    assert ended.code == as_json.code == 0
    for words in (
        "1 run, the newest killed",
        "1 failed: HTTP 500",
        "--why",
        "1 deleted",
        "1 gone",
        "2 failed",
        "first: 5",
        "unfinished",
    ):
        assert words in ended.out
    facts = as_json.json
    assert facts["lanes"]["ark"] == {
        "deleted": 1,
        "gone": 1,
        "failed": 2,
        "invalid": 0,
        "retryable": 1,
        "doubted": 0,
        "pending": None,
        "rate": None,
    }
    assert (facts["state"], facts["holder"]) == ("killed", None)
    assert facts["failed_why"] == {"HTTP 500": 1, "HTTP 400": 1}
    assert facts["damaged_lines"] == [5]
    assert facts["torn_bytes"] == len('{"id":"resp_5","la')
    assert log.read_text() == LOG


def test_status_says_what_is_left_and_whether_it_runs(log: Path) -> None:
    """A laptop that was closed, a job of yesterday: is it still at it?"""
    with log.open("r+") as file:
        file.write(LOG[: LOG.rindex("\n") + 1])
        file.truncate()
        file.write('{"pace":{"lane":"ark","at_s":10,"rate":20.0}}\n')
    (log.parent / "ids.txt").write_text("resp_1\n")
    with lock_log(log, shown=log):
        running = run_command("status", log)
        busy = run_command(
            "delete", log.parent / "ids.txt", "-p", "ark", "--log", log, "--yes", env=KEYS
        )
    with log.open("a") as file:
        file.write(
            '{"end":{"state":"stopped","reason":"lane ark: down","lanes":{"ark":{"pending":72000,'
            '"pace":{"rate":20.0}}}},"at":"2026-11-22T00:01:00.000Z"}\n'
        )
    ended = run_command("status", log)

    assert f"running: process {os.getpid()} on host" in running.out
    assert "at 20/s now" in running.out
    assert busy.code == 5
    assert f"process {os.getpid()}" in busy.err
    assert "72,000 still to do, about 1 h 0 min at 20/s" in ended.out
    assert "to 2026-11-22T00:01:00.000Z" in ended.out
    assert "down" in ended.out


def test_failed_says_why(log: Path) -> None:
    """Who reads a list of a thousand IDs asks that first; scripts get all that is known."""
    with log.open("r+") as file:
        file.write(LOG[: LOG.rindex("\n") + 1])
        file.truncate()
        file.write(LOG.splitlines(keepends=True)[3].replace("400", "403"))
        file.write(LOG.splitlines(keepends=True)[1].replace("resp_1", "resp_9"))

    why = run_command("failed", log, "--why")
    as_json = run_command("failed", log, "--json")

    assert why.out == "ark\tresp_2\tHTTP 500\nark\tresp_3\tHTTP 403\n"
    assert [json.loads(line)["status"] for line in as_json.out.splitlines()] == [500, 403]
    assert run_command("failed", log).out == "resp_2\nresp_3\n"


def test_failed_tells_of_rows_that_were_invalid(tmp_path: Path) -> None:
    """Exit code 1 sends people here; it printed nothing."""
    log = tmp_path / "a log.jsonl"
    invalid = (
        '{"id":"a b","lane":"ark","outcome":"invalid","at":"2026-11-22T00:00:03.000Z",'
        '"error":"the ID has a space","source":"ids.txt","line":7}\n'
    )
    log.write_text("".join(LOG.splitlines(keepends=True)[:2]) + invalid)

    plain = run_command("failed", log)
    listed = run_command("failed", log, "--invalid")
    as_json = run_command("failed", log, "--invalid", "--json")

    assert (plain.code, plain.out) == (0, "")
    assert f"1 row was invalid: bulkdel failed '{log}' --invalid" in plain.err
    assert listed.out == "ids.txt:7\tthe ID has a space\ta b\n"
    assert json.loads(as_json.out) == json.loads(invalid)


@pytest.mark.parametrize("command", ["status", "failed"])
def test_status_and_failed_of_what_is_no_log_exit_2(tmp_path: Path, command: str) -> None:
    """A mistyped name must not read as "nothing failed"."""
    (tmp_path / "ids.txt").write_text("resp_1\nresp_2\n")
    for name in ("nope.jsonl", "ids.txt"):
        ended = run_command(command, name, cwd=tmp_path)

        assert ended.code == 2, name
        assert name in ended.err
        assert ended.out == ""


def test_failed_into_a_pipe_that_closes_ends_quietly(tmp_path: Path) -> None:
    """`bulkdel failed LOG | head -1` is how people look; a traceback would be noise."""
    line = '{"id":"resp_%d","lane":"ark","outcome":"failed","status":400,"attempts":1}\n'
    log = tmp_path / "log.jsonl"
    log.write_text(LOG.splitlines(keepends=True)[0] + "".join(line % n for n in range(30_000)))

    with started("failed", log) as running:
        assert running.process.stdout is not None
        first = running.process.stdout.readline()
        running.process.stdout.close()
        running.process.stdout = None
        ended = running.end()

    assert first == b"resp_0\n"
    assert ended.err == ""


def test_providers_can_be_read_by_a_script() -> None:
    """Key variables and endpoints are what people set up their scripts from."""
    ended = run_command("providers", "--json")

    assert ended.code == 0
    assert set(ended.json) == set(PROVIDERS)
    assert ended.json["ark"]["key_env"] == "ARK_API_KEY"
    assert ended.json["ark"]["endpoint"].startswith("DELETE https://")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--fault", "earthquake=1%"], "earthquake"),
        (["--limit", "many"], "200/s"),
        (["--ids", "nope.txt"], "nope.txt"),
        (["--latency", "-1"], "latency"),
    ],
)
def test_emulate_refuses_bad_input(flags: list[str], words: str, tmp_path: Path) -> None:
    """It must not serve something else than was meant."""
    ended = run_command("emulate", *flags, cwd=tmp_path)

    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_every_help_has_an_example() -> None:
    """An example says more than a list of flags."""
    for names in ([], *([name] for name in cli.commands)):
        shown = CliRunner().invoke(cli, [*names, "--help"]).output

        _, _, rest = shown.partition("Options:")
        assert " ".join(["bulkdel", *names]) in rest, f"{names} --help has no example"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """IDs that nobody deletes, but for the last test."""
    ids = [*make_ids("ark", 20), "a+..&b=c"]
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        yield Job(emulator, "ark", ids, tmp_path_factory.mktemp("job"))


def test_dry_run_shows_the_urls_and_sends_nothing(job: Job) -> None:
    """It is how a user checks before what cannot be undone; it needs no key."""
    ended = job.delete("--dry-run", "--rate", "20", env={})
    as_json = job.delete("--dry-run", "--json", env={})

    assert ended.code == as_json.code == 0
    assert "21 IDs to delete, about 1.1 s at 20/s" in ended.out
    assert f"DELETE {job.emulator.base_url('ark')}/responses/{job.ids[0]}" in ended.out
    assert "nothing was sent" in ended.out
    assert as_json.json["lanes"]["ark"]["to_send"] == 21
    assert job.requests == 0
    assert not job.log.exists()


def test_flags_can_be_set_in_the_environment(job: Job) -> None:
    """Containers and cron jobs are set up so; every flag must be among them."""
    env = {
        **KEYS,
        "BULKDEL_DELETE_BASE_URL": job.emulator.base_url("ark"),
        "BULKDEL_DELETE_PROVIDER": "ark",
        "BULKDEL_DELETE_YES": "1",
        "BULKDEL_DELETE_JSON": "1",
        "BULKDEL_DELETE_MAX_DELETE": "0",
        "BULKDEL_DELETE_RATE": "5000",
    }

    ended = run_command("delete", job.file, env=env)

    assert ended.code == 3, ended.err
    assert json.loads(ended.out)["pending"] == 21
    assert job.requests == 0


def test_a_closed_stdout_does_not_spoil_the_run(job: Job) -> None:
    """`bulkdel delete … | head` must not stop a purge half-way or show a traceback."""
    process = subprocess.Popen(
        [*COMMAND, *job.arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**KEYS),
    )
    with process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read().decode()
        process.wait(timeout=TIMEOUT_S)

    assert job.present == 0
    assert "Traceback" not in err


def test_a_dry_run_says_all_that_the_run_will_do(tmp_path: Path) -> None:
    """A key that is missing, a busy log, places that are taken: it said nothing of them."""
    (tmp_path / "ids.txt").write_text("resp_1\nresp_3\nresp_5\n")
    log = tmp_path / "ids.txt.bulkdel.jsonl"
    log.write_text("".join(LOG.splitlines(keepends=True)[:4]).replace("https://a/b", ARK_URL))
    usual = ("delete", "ids.txt", "-p", "ark", "--dry-run", "--max-delete", "1")

    with lock_log(log, shown=log):
        said = run_command(*usual, "--max-failures", "2%", cwd=tmp_path, env={})
        as_json = run_command(*usual, "--json", cwd=tmp_path, env={})
    nowhere = run_command(*usual, "--log", "no/folder.jsonl", cwd=tmp_path, env=KEYS)

    assert said.code == as_json.code == nowhere.code == 0
    for words in (
        "no key is set (ARK_API_KEY in the environment)",
        f"process {os.getpid()}",
        "at most 0 deletions, since 1 of this log count",
        "--max-failures 2%",
        "1 of them failed for good",
    ):
        assert words in said.out, words
    assert len(as_json.json["would_refuse"]) == 2
    assert (as_json.json["max_delete"], as_json.json["places_used"]) == (1, 1)
    assert "there is no folder" in nowhere.out
