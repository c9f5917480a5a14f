"""The real command before a person: the confirmation, the question, the bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Emulator, make_ids
from tests.support.command import Job, emulated
from tests.support.terminal import on_terminal

QUESTION = "Type 'delete' to go on: "


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Forty objects at Ark."""
    with emulated(ark=AccountSettings(ids=make_ids("ark", 40), latency_s=0.02)) as emulator:
        yield emulator


@pytest.fixture
def job(emulator: Emulator, tmp_path: Path) -> Job:
    """Their IDs, two of them twice, one that looks odd and one that is none."""
    job = Job(emulator, "ark", make_ids("ark", 40), tmp_path)
    with job.file.open("a") as file:
        file.write("\n".join([*job.ids[:2], "file-1", "a b"]) + "\n")
    return job


def _asked(job: Job) -> list[str]:
    return [argument for argument in job.arguments if argument != "--yes"]


def test_the_card_shows_what_would_be_deleted_and_waits_for_the_word(job: Job) -> None:
    """A deletion cannot be undone: a person sees what it is, and says yes in a word."""
    with on_terminal(*_asked(job), "--rate", "41") as terminal:
        terminal.wait_for(QUESTION)
        confirmation = terminal.shown
        sent_before = job.requests
        terminal.type("delete\n")
        code = terminal.end()

    assert sent_before == 0
    for words in (
        f"ark: Volcengine Ark, {job.emulator.base_url('ark')}",
        "41 IDs to delete, about 1.0 s at 41/s",
        "2 are duplicates",
        "1 rows hold no ID",
        "line 44 of",
        "1 do not look like the IDs of Volcengine Ark, which begin with 'resp_'",
        "file-1",
        f"log: {job.log}",
    ):
        assert words in confirmation
    assert job.present == 0
    assert code == 1  # the row that holds no ID
    assert "41/44" in terminal.shown or "100%" in terminal.shown  # the bar


@pytest.mark.parametrize("typed", ["yes\n", "\n", "\x04"])
def test_anything_but_the_word_sends_nothing(job: Job, typed: str) -> None:
    """A habit of typing y, or of pressing Enter, must not delete."""
    with on_terminal(*_asked(job)) as terminal:
        terminal.wait_for(QUESTION)
        terminal.type(typed)
        code = terminal.end()

    assert code == 130
    assert "Nothing was sent." in terminal.shown
    assert job.requests == 0
    assert not job.log.exists()


def test_ctrl_c_at_the_question_sends_nothing(job: Job) -> None:
    """It is an interruption like any other: exit 130, and no traceback."""
    with on_terminal(*_asked(job)) as terminal:
        terminal.wait_for(QUESTION)
        terminal.type("\x03")
        code = terminal.end()

    assert code == 130
    assert "Traceback" not in terminal.shown
    assert job.requests == 0


def test_nothing_to_do_is_not_asked(job: Job) -> None:
    """Whoever starts a finished job again is told so at once."""
    assert job.delete().code == 1

    with on_terminal(*_asked(job)) as terminal:
        code = terminal.end()

    assert code == 1
    assert QUESTION not in terminal.shown
    assert "Nothing was sent: every ID has a result in this log" in terminal.shown
