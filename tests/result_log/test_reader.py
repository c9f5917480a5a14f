"""Reading a log: every whole line counts as JSON says, and nothing else does."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.reader import (
    BLOCK_BYTES,
    LINE_BYTES_MAX,
    LineState,
    LogFacts,
    read_failed,
    read_log,
)
from tests.support.log_samples import IN_FOLDER, RESULTS, line, state_of, write_log

Said = list[tuple[str, str, LineState]]


def said(result: Result) -> tuple[str, str, LineState]:
    """Return what the line of ``result`` says."""
    return result.lane, result.object_id, state_of(result)


def read(path: Path) -> tuple[Said, LogFacts]:
    """Return what a log says, ordered by lane, and its facts."""
    facts = LogFacts()
    read_back = [
        (part.lane, object_id.decode(), LineState(state))
        for part in read_log(path, facts)
        for object_id, state in zip(part.ids, part.states, strict=True)
    ]
    return by_lane(read_back), facts


def by_lane(results: Said) -> Said:
    """Return ``results`` lane by lane: only in its lane an order means anything."""
    return sorted(results, key=lambda result: result[0])


@settings(IN_FOLDER, max_examples=12)  # each is cut at some hundred places
@given(results=st.lists(RESULTS, max_size=6))
def test_a_log_cut_at_any_byte_reads_as_the_lines_before(
    results: list[Result], tmp_path: Path
) -> None:
    """A kill may cut the log anywhere; what was written before stays known."""
    lines = [result_line(result) for result in results]
    log = b"".join(lines)
    path = tmp_path / "log"

    for cut in {*range(0, len(log), 7), *range(max(0, len(log) - 130), len(log) + 1)}:
        path.write_bytes(log[:cut])
        whole = log[:cut].count(b"\n")
        read_back, facts = read(path)

        assert read_back == by_lane([said(result) for result in results[:whole]])
        assert facts.damaged == 0
        assert facts.lines == whole
        assert facts.whole_bytes == sum(map(len, lines[:whole]))
        assert facts.torn_bytes == cut - facts.whole_bytes


@pytest.mark.parametrize(
    "damaged",
    [
        line()[:60] + line("resp_2"),
        line()[:-30] + line("resp_2"),
        line()[:-2] + line("resp_2"),
        line()[:-1] + line("resp_2"),
        line()[:20] + b"\0" * 40 + line()[60:],
        line().replace(b"resp_1", b"resp_\xff"),
        line().replace(b"resp_1", b"resp\x01"),
        line().replace(b'"attempts":1', b'"attempts":01'),
        line(outcome="vanished"),
        b'{"id":7,"lane":"ark","outcome":"deleted"}\n',
        b'{"id":"resp_1","lane":null,"outcome":"deleted"}\n',
        b'{"id":"resp_1","lane":"ark","outcome":["deleted"]}\n',
        b'{"id":"resp_1","lane":"ark"}\n',
        b"[]\n",
        b"deleted resp_1\n",
    ],
)
def test_a_damaged_line_is_counted_and_the_rest_counts(damaged: bytes, tmp_path: Path) -> None:
    """An ID that a damaged line names was perhaps never deleted: it is sent again."""
    path = tmp_path / "log"
    path.write_bytes(line("resp_a") + damaged + line("resp_b"))

    read_back, facts = read(path)

    assert [object_id for _, object_id, _ in read_back] == ["resp_a", "resp_b"]
    assert (facts.damaged, facts.damaged_lines, facts.lines) == (1, [2], 3)


def test_the_numbers_of_damaged_lines_are_kept_up_to_ten(tmp_path: Path) -> None:
    """A log that is foreign throughout must not fill the memory with numbers."""
    path = tmp_path / "log"
    path.write_bytes(line() * 10_000 + b"x\n" * 3000 + b"\n" + line())

    read_back, facts = read(path)

    assert len(read_back) == 10_001
    assert facts.damaged == 3000
    assert facts.damaged_lines == list(range(10_001, 10_011))
    assert facts.lines == 13_002


@pytest.mark.parametrize("torn", [b"", b'{"id":"resp_2","lane":"ark"'])
def test_nul_bytes_at_the_end_are_told(torn: bytes, tmp_path: Path) -> None:
    """A power cut may leave blocks that were never written."""
    path = tmp_path / "log"
    path.write_bytes(line() + torn + b"\0" * 3_000_000)

    read_back, facts = read(path)

    assert len(read_back) == 1
    assert facts.ends_in_nul
    assert facts.torn_bytes == len(torn) + 3_000_000
    assert facts.damaged == 0


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    """A file that is no log at all may be one line of any length."""
    path = tmp_path / "log"
    path.write_bytes(line() + b"x" * (40 << 20))
    tracemalloc.start()

    read_back, facts = read(path)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert (len(read_back), facts.torn_bytes, facts.ends_in_nul) == (1, 40 << 20, False)


def test_what_follows_an_overlong_line_on_the_same_line_does_not_count(tmp_path: Path) -> None:
    """However long the line is, and wherever a block of the file ends."""
    path = tmp_path / "log"
    filler = b"x" * (LINE_BYTES_MAX + BLOCK_BYTES - len(line()))
    path.write_bytes(line() + filler + line("resp_2") + line("resp_3"))

    read_back, facts = read(path)

    assert [object_id for _, object_id, _ in read_back] == ["resp_1", "resp_3"]
    assert facts.damaged_lines == [2]


def test_lines_across_the_borders_of_blocks_are_whole(tmp_path: Path) -> None:
    """The file is read in blocks of a megabyte; lines know nothing of them."""
    results = [
        Result(f"resp_{number:x}" + "é" * (number % 90), "ark", Outcome.GONE, status=404)
        for number in range(12_000)
    ]
    path = tmp_path / "log"
    path.write_bytes(b"".join(map(result_line, results)))

    read_back, facts = read(path)

    assert facts.whole_bytes > 2 << 20
    assert read_back == [said(result) for result in results]


def test_headers_summaries_and_times_are_kept(tmp_path: Path) -> None:
    """The base URL of the first run and the end of the last one decide about a resume."""
    path = tmp_path / "log"
    first = b'{"run":{"at":"2026-11-22T00:00:00.000Z","lanes":{}}}\n' + line()
    ended = first + b'{"pace":{"rate":20}}\n{"end":{"state":"finished"}}\n'
    path.write_bytes(ended)
    _, facts = read(path)
    path.write_bytes(ended + b'{"run":{"at":"2026-11-23T00:00:00.000Z"}}\n')
    _, facts_killed = read(path)

    assert facts.last_end == {"state": "finished"}
    assert facts.first_at == "2026-11-22T00:00:00.000Z"
    assert facts.last_at == "2026-11-22T00:40:12.123Z"
    assert facts_killed.last_end is None
    assert [header["at"][:10] for header in facts_killed.runs] == ["2026-11-22", "2026-11-23"]
    assert facts_killed.last_at == "2026-11-23T00:00:00.000Z"
    assert facts_killed.damaged == 0


def test_the_last_time_is_kept_over_lines_without_one(tmp_path: Path) -> None:
    """A log may end in a megabyte of lines that tell no time."""
    path = tmp_path / "log"
    path.write_bytes(line() + b"\n" * 3 * BLOCK_BYTES)

    _, facts = read(path)

    assert facts.last_at == "2026-11-22T00:40:12.123Z"
    assert (facts.damaged, facts.lines) == (0, 1 + 3 * BLOCK_BYTES)


def test_deletions_are_counted_by_lane_over_the_whole_log(tmp_path: Path) -> None:
    """--max-delete counts every deletion, whatever a later line says of the ID."""
    path = tmp_path / "log"
    path.write_bytes(line() + line().replace(b'"ark"', b'"b"') + line() + line(outcome="gone"))

    _, facts = read(path)

    assert {lane: of.deletions for lane, of in facts.lanes.items()} == {"ark": 2, "b": 1}


@IN_FOLDER
@given(results=st.lists(RESULTS, max_size=30))
def test_the_quick_look_for_failed_ids_misses_none(results: list[Result], tmp_path: Path) -> None:
    """`bulkdel failed` must print each, however its line is written."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(map(result_line, results)))
    failing = (LineState.FAILED, LineState.RETRYABLE)
    expected = [said(result) for result in results if state_of(result) in failing]

    found = [
        (part.lane, object_id.decode(), LineState(state))
        for part in read_failed(path)
        for object_id, state in zip(part.ids, part.states, strict=True)
        if state in failing
    ]

    assert by_lane(found) == by_lane(expected)


def test_a_failed_line_is_found_in_its_place_however_it_is_written(tmp_path: Path) -> None:
    """The word may hold an escape; the order of the log stays the order of the IDs."""
    path = tmp_path / "log"
    escaped = line("a", "failed").replace(b"failed", b"f\\u0061iled")
    path.write_bytes(escaped + line("b", "failed") + line("c") + escaped.replace(b'"a"', b'"d"'))

    [part] = read_failed(path)

    assert part.ids == [b"a", b"b", b"d"]


def test_an_empty_log_says_nothing(tmp_path: Path) -> None:
    """A run killed before its first line leaves one."""
    path = tmp_path / "log"
    path.write_bytes(b"")

    assert read(path) == ([], LogFacts())


def test_names_what_may_have_been_deleted_by_a_request_of_ours(tmp_path: Path) -> None:
    """Each takes a place of ``--max-delete``: what is gone, what failed, what was left to do."""
    results = [
        Result(f"resp_{number}", "ark", outcome, 404, 2, after_unknown=number % 3 > 0)
        for number, outcome in enumerate([Outcome.GONE] * 6 + [Outcome.FAILED] * 6)
    ]
    results += [Result("resp_7", "ark", Outcome.DELETED), Result("resp_8", "eu", Outcome.DELETED)]
    path = write_log(tmp_path / "log", *results)
    with path.open("ab") as log:
        log.write(b'{"unknown":{"lane":"ark","ids":["resp_50","resp_1"]}}\n')

    facts = LogFacts(keeps_unknown=True)
    assert list(read_log(path, facts))
    without = LogFacts()
    assert list(read_log(path, without))

    numbers = sorted(int(one[5:]) for one in facts.unknown["ark"])
    assert numbers == [1, 2, 4, 5, 8, 10, 11, 50]
    assert (facts.damaged, without.damaged, without.unknown) == (0, 0, {})
