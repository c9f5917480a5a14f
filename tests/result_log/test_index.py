"""Resume: what is done is never sent again, what is not is sent once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdel.errors import ConfigError
from bulkdel.models import Block, InvalidRow, Outcome, Result
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.index import Index
from bulkdel.result_log.queries import iter_failed
from tests.support.log_samples import IN_FOLDER, load, write_log

IDS = st.sampled_from(["a", "b", "c", "é", 'q"\\'])
LANES = st.sampled_from(["ark", "fireworks"])
RESULTS = st.builds(
    Result, object_id=IDS, lane=LANES, outcome=st.sampled_from(Outcome), retryable=st.booleans()
)


def row(text: str, line: int = 1) -> InvalidRow:
    """Return a row that cannot be an ID."""
    return InvalidRow(text, "ids.txt", line, "white space")


def failed(object_id: str, *, retryable: bool) -> Result:
    """Return a result that failed."""
    return Result(object_id, "ark", Outcome.FAILED, retryable=retryable)


@IN_FOLDER
@given(results=st.lists(RESULTS, max_size=40), retry_failed=st.booleans())
def test_the_last_line_of_an_id_counts(
    results: list[Result], retry_failed: bool, tmp_path: Path
) -> None:
    """Over several runs an ID may fail, fail for good, be deleted: as in a dict."""
    last = {(r.lane, r.object_id, r.outcome is Outcome.INVALID): r for r in results}

    index, facts = load(write_log(tmp_path / "log", *results), retry_failed=retry_failed)

    assert len(index) == len(last)
    for lane in facts.lanes:
        of_lane = [result for key, result in last.items() if key[0] == lane]
        outcomes = [result.outcome for result in of_lane]
        assert facts.lanes[lane].counts == {one: outcomes.count(one) for one in Outcome}
        assert facts.lanes[lane].retryable == sum(
            result.outcome is Outcome.FAILED and result.retryable for result in of_lane
        )
    for lane in ("ark", "fireworks"):
        for object_id in ("a", "b", "c", "é", 'q"\\', "new"):
            result = last.get((lane, object_id, False))
            is_failed = result is not None and result.outcome is Outcome.FAILED
            again = result is None or (is_failed and (retry_failed or result.retryable))
            claimed = index.claim(Block(lane, [object_id]))
            assert claimed.block.ids == [object_id] * again
            assert claimed.skipped == (not again)
            assert claimed.skipped_failed == (is_failed and not again)


@settings(deadline=None)
@given(
    st.lists(st.tuples(LANES, st.lists(IDS, max_size=6), st.lists(IDS, max_size=3)), max_size=10)
)
def test_each_id_of_a_lane_is_given_out_once(
    blocks: list[tuple[str, list[str], list[str]]],
) -> None:
    """A source may name an ID twice, in one block or far apart: one request, one line."""
    index = Index()
    seen: set[tuple[str, bool, str]] = set()

    for lane, ids, texts in blocks:
        claimed = index.claim(Block(lane, list(ids), [row(text) for text in texts]))
        fresh = [i for i in dict.fromkeys(ids) if (lane, True, i) not in seen]
        fresh_texts = [t for t in dict.fromkeys(texts) if (lane, False, t) not in seen]
        seen |= {(lane, True, i) for i in ids} | {(lane, False, t) for t in texts}

        assert claimed.block == Block(lane, fresh, [row(text) for text in fresh_texts])
        assert (claimed.skipped, claimed.skipped_failed) == (0, 0)
        dropped = len(ids) + len(texts) - len(fresh) - len(fresh_texts)
        assert claimed.duplicates == dropped

    assert len(index) == len(seen)


def test_an_invalid_row_is_logged_once_and_is_no_id(tmp_path: Path) -> None:
    """Its text may be that of a real ID, which is still to be sent."""
    path = write_log(tmp_path / "log", Result("a", "ark", Outcome.INVALID, line=3))
    index, _ = load(path, retry_failed=True)

    claimed = index.claim(Block("ark", ["a"], [row("a", 3), row("b", 4), row("b", 5)]))

    assert claimed.block == Block("ark", ["a"], [row("b", 4)])
    assert (claimed.skipped, claimed.skipped_failed, claimed.duplicates) == (1, 1, 1)


def test_an_id_is_done_in_its_own_lane_only(tmp_path: Path) -> None:
    """Two accounts may know the same ID, and it is another object."""
    index, _ = load(write_log(tmp_path / "log", Result("a", "ark", Outcome.DELETED)))

    assert index.claim(Block("fireworks", ["a"])).block.ids == ["a"]
    assert index.claim(Block("ark", ["a"])).block.ids == []


def test_a_done_id_that_comes_twice_is_skipped_twice(tmp_path: Path) -> None:
    """The counts do not depend on where a block ends."""
    index, _ = load(write_log(tmp_path / "log", Result("a", "ark", Outcome.GONE)))

    claimed = index.claim(Block("ark", ["a", "b", "a", "b"]))

    assert (claimed.block.ids, claimed.skipped, claimed.duplicates) == (["b"], 2, 1)


def test_a_row_that_utf8_cannot_carry_is_known_again(tmp_path: Path) -> None:
    """The log holds it escaped; a second run must not log it once more."""
    path = write_log(tmp_path / "log", Result("a\udc80", "ark", Outcome.INVALID))
    index, _ = load(path)

    assert index.claim(Block("ark", [], [row("a\udc80")])).skipped == 1


def test_a_damaged_line_makes_no_id_done(tmp_path: Path) -> None:
    """An ID is skipped on a whole line only."""
    path = tmp_path / "log"
    whole = result_line(Result("a", "ark", Outcome.DELETED, status=200, attempts=1))
    path.write_bytes(whole[:-9] + whole + b"x\n" + whole.replace(b'"a"', b'"b"') + whole[:-1])

    index, facts = load(path)

    assert index.claim(Block("ark", ["a", "b"])).block.ids == ["a"]
    assert facts.damaged_lines == [1, 2]


def test_threads_share_one_index() -> None:
    """Several sources are read at once; no two of them may give out the same ID."""
    ids = [f"resp_{number}" for number in range(5000)]
    index = Index()

    def sift_all(seed: int) -> tuple[list[str], int]:
        mine = ids.copy()
        random.Random(seed).shuffle(mine)
        parts = [index.claim(Block("ark", mine[at : at + 100])) for at in range(0, 5000, 100)]
        return [i for part in parts for i in part.block.ids], sum(p.duplicates for p in parts)

    with ThreadPoolExecutor(4) as threads:
        claimed = list(threads.map(sift_all, range(4)))

    assert sorted(i for given_out, _ in claimed for i in given_out) == sorted(ids)
    assert sum(duplicates for _, duplicates in claimed) == 3 * 5000


def test_an_index_takes_24_bytes_an_id() -> None:
    """Lanes have an index each; together they stay within the bound."""
    index = Index()
    for number in range(0, 300_000, 2000):
        ids = [f"resp_{one}" for one in range(number, number + 2000)]
        index.claim(Block(f"lane{number % 3}", ids))

    assert index.memory_bytes <= 24 * 300_000
    assert len(index) == 300_000


@IN_FOLDER
@given(one=st.lists(RESULTS, max_size=20), two=st.lists(RESULTS, max_size=20))
def test_failed_ids_are_those_whose_last_line_says_so(
    one: list[Result], two: list[Result], tmp_path: Path
) -> None:
    """`bulkdel failed` prints each once, over several logs, and none that was deleted since."""
    paths = [write_log(tmp_path / "one", *one), write_log(tmp_path / "two", *two)]
    sendable = [result for result in one + two if result.outcome is not Outcome.INVALID]
    last = {(result.lane, result.object_id): result.outcome for result in sendable}

    found = list(iter_failed(paths))

    expected = [key[1] for key, outcome in last.items() if outcome is Outcome.FAILED]
    assert sorted(found) == sorted(expected)


def test_failed_for_good_after_retryable_and_back(tmp_path: Path) -> None:
    """--retry-failed may turn a failure for good into one that a later run tries again."""
    lines = failed("a", retryable=False), failed("a", retryable=True), failed("b", retryable=True)
    path = write_log(tmp_path / "log", *lines, failed("b", retryable=False))

    index, facts = load(path)

    claimed = index.claim(Block("ark", ["a", "b"]))
    assert (claimed.block.ids, claimed.skipped_failed) == (["a"], 1)
    assert facts.lanes["ark"].retryable == 1


def test_a_log_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Taken for empty, it would have every ID sent again."""
    with pytest.raises(ConfigError):
        load(tmp_path)


@IN_FOLDER
@given(
    results=st.lists(RESULTS, max_size=20),
    blocks=st.lists(st.lists(IDS, max_size=6), max_size=6),
    retry_failed=st.booleans(),
)
def test_a_look_at_the_sources_changes_nothing_for_the_run(
    results: list[Result], blocks: list[list[str]], retry_failed: bool, tmp_path: Path
) -> None:
    """What a person is shown before the run must not make an ID pass for a duplicate in it."""
    log = write_log(tmp_path / "log", *results)
    untouched, _ = load(log, retry_failed=retry_failed)
    looked, _ = load(log, retry_failed=retry_failed)
    for ids in blocks:
        looked.claim(Block("ark", ids, [row("no id")]))

    looked.start_over()

    for ids in blocks:
        block = Block("ark", ids, [row("no id")])
        assert looked.claim(block) == untouched.claim(block)
