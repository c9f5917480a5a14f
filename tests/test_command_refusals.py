"""The real command refuses wrong usage with exit 2 and one clear line, and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bulkdel.emulator import AccountSettings, Emulator, make_ids
from tests.command import KEYS, Job, emulated, results, run_command


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An account at Ark and one at Fireworks; nobody may get anywhere near them."""
    account = AccountSettings(ids=make_ids("ark", 5))
    with emulated(ark=account, fireworks=account) as emulator:
        yield emulator
        assert emulator.stats()["totals"]["requests"] == 0
        assert emulator.stats()["stray"] == 0


@pytest.fixture
def job(emulator: Emulator, tmp_path: Path) -> Job:
    """Five IDs."""
    return Job(emulator, "ark", make_ids("ark", 5), tmp_path)


class Refused(NamedTuple):
    """A wrong call: what is given on top of a right one, and what the message must say."""

    flags: list[str]
    words: list[str]
    env: dict[str, str] = KEYS


REFUSED = {
    "missing file": Refused(["nope.txt"], ["nope.txt", "no such file"]),
    "directory as source": Refused(["/"], ["is a directory"]),
    "no key": Refused([], ["no key", "ARK_API_KEY", "--api-key-env"], {}),
    "unknown provider": Refused(["-p", "arc"], ["arc", "ark"]),
    "key in the clear": Refused(
        ["--base-url", "http://10.1.2.3/api/v3"], ["http://10.1.2.3", "--allow-http"]
    ),
    "key in the URL": Refused(["--base-url", "https://u:geheim@h/v1"], ["user name or password"]),
    "rate": Refused(["--rate", "0"], ["rate must be", "not 0"]),
    "max failures": Refused(["--max-failures", "lots"], ["max-failures", "'lots'"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_usage_is_refused_before_anything_is_sent(job: Job, name: str) -> None:
    """A run that cannot be right must not begin, not even with the sources that are."""
    flags, words, env = REFUSED[name]

    ended = job.delete(*flags, env=env)

    assert ended.code == 2, ended.err
    assert all(word in ended.err for word in words), ended.err
    assert "Traceback" not in ended.err
    assert "geheim" not in ended.err
    assert ended.out == ""
    assert not job.log.exists()


def test_without_a_terminal_it_needs_yes(job: Job) -> None:
    """A cron job or a pipe cannot answer; it must have been said before."""
    ended = run_command(*[argument for argument in job.arguments if argument != "--yes"])

    assert ended.code == 2
    assert "--yes" in ended.err
    assert not job.log.exists()


def test_stdin_needs_a_log(job: Job) -> None:
    """Without a name there would be no log to resume from."""
    ended = run_command("delete", "-", "-p", "ark", "--yes", stdin="resp_1\n")

    assert ended.code == 2
    assert "--log" in ended.err


HEADER = '{"run":{"at":"2026-11-22T00:00:00.000Z","version":"0.1.0","lanes":{%s},"sources":[]}}\n'
ARK = '"ark":{"provider":"ark","base_url":"%s"}'


@pytest.mark.parametrize(
    ("lanes", "words"),
    [
        pytest.param(ARK % "https://ark.cn-beijing.volces.com/api/v3", "volces", id="base URL"),
        pytest.param('"fireworks":{"provider":"fireworks","base_url":"x"}', "fireworks", id="lane"),
        pytest.param('"ark":{"provider":"openai","base_url":"x"}', "openai", id="provider"),
    ],
)
def test_a_log_of_another_account_is_refused(job: Job, lanes: str, words: str) -> None:
    """What was deleted there says nothing about here: "done" would be a lie."""
    before = HEADER % lanes
    job.log.write_text(before)

    ended = job.delete()

    assert ended.code == 2, ended.err
    assert words in ended.err
    assert "--log" in ended.err
    assert job.log.read_text() == before


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_the_source_is_never_taken_for_the_log(job: Job, suffix: str, end: str) -> None:
    """A slip in the command must not cost the only copy of the IDs."""
    rows = [f'{{"id":"{i}"}}' if suffix == "jsonl" else i for i in job.ids]
    source = job.folder / f"source.{suffix}"
    source.write_text("\n".join(rows) + end)
    before = source.read_bytes()

    ended = job.delete(str(source), "--log", str(source))

    assert ended.code == 2, ended.err
    assert source.read_bytes() == before
    assert results(job.log) == [] if job.log.exists() else True


def test_a_directory_a_missing_one_and_a_compressed_log_are_refused(job: Job) -> None:
    """The log is the only evidence; where none can be kept, nothing is deleted."""
    directory = job.delete("--log", str(job.folder))
    missing = job.delete("--log", str(job.folder / "nowhere" / "log.jsonl"))
    compressed = job.delete("--log", str(job.folder / "log.jsonl.gz"))

    assert directory.code == missing.code == compressed.code == 2
    assert "directory" in directory.err
    assert "no directory" in missing.err
    assert ".gz" in compressed.err
