"""The command refuses wrong usage with exit 2 and one clear line, and sends nothing.

Called in this process, by its entry point: a new one for each would only cost time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bulkdel.cli import main
from bulkdel.emulator import AccountSettings, Emulator, make_ids
from tests.support.command import KEYS, Ended, Job, emulated


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


Call = Callable[..., Ended]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Call the command with arguments, and the keys in its environment."""

    def call(*arguments: str, env: dict[str, str] = KEYS) -> Ended:
        monkeypatch.setattr(sys, "argv", ["bulkdel", *arguments])
        for name in KEYS:
            monkeypatch.delenv(name, raising=False)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as exited:
            main()
        assert isinstance(exited.value.code, int)
        return Ended(exited.value.code, *capfd.readouterr())

    return call


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
def test_wrong_usage_is_refused_before_anything_is_sent(job: Job, call: Call, name: str) -> None:
    """A run that cannot be right must not begin, not even with the sources that are."""
    flags, words, env = REFUSED[name]

    ended = call(*job.arguments, *flags, env=env)

    assert ended.code == 2, ended.err
    assert all(word in ended.err for word in words), ended.err
    assert "Traceback" not in ended.err
    assert "geheim" not in ended.err
    assert ended.out == ""
    assert not job.log.exists()


def test_without_a_terminal_it_needs_yes(job: Job, call: Call) -> None:
    """A cron job or a pipe cannot answer; it must have been said before."""
    ended = call(*[argument for argument in job.arguments if argument != "--yes"])

    assert ended.code == 2
    assert "--yes" in ended.err
    assert not job.log.exists()


def test_stdin_needs_a_log(call: Call) -> None:
    """Without a name there would be no log to resume from."""
    ended = call("delete", "-", "-p", "ark", "--yes")

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
def test_a_log_of_another_account_is_refused(job: Job, call: Call, lanes: str, words: str) -> None:
    """What was deleted there says nothing about here: "done" would be a lie."""
    before = HEADER % lanes
    job.log.write_text(before)

    ended = call(*job.arguments)

    assert ended.code == 2, ended.err
    assert words in ended.err
    assert "--log" in ended.err
    assert job.log.read_text() == before


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_the_source_is_never_taken_for_the_log(job: Job, call: Call, suffix: str, end: str) -> None:
    """A slip in the command must not cost the only copy of the IDs."""
    rows = [f'{{"id":"{i}"}}' if suffix == "jsonl" else i for i in job.ids]
    source = job.folder / f"source.{suffix}"
    source.write_text("\n".join(rows) + end)
    before = source.read_bytes()

    ended = call(*job.arguments, str(source), "--log", str(source))

    assert ended.code == 2, ended.err
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("log", "words"),
    [(".", "directory"), ("nowhere/log.jsonl", "no directory"), ("log.jsonl.gz", ".gz")],
)
def test_a_log_that_could_not_be_kept_is_refused(
    job: Job, call: Call, log: str, words: str
) -> None:
    """The log is the only evidence; where none can be kept, nothing is deleted."""
    ended = call(*job.arguments, "--log", str(job.folder / log))

    assert ended.code == 2
    assert words in ended.err
