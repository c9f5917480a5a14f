"""The set of digests: it answers like a dict, in 24 bytes an entry."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdel.result_log.digest_set import ABSENT, STATE_MAX, DigestSet, Words, digest

# Few values, so that equal digests and equal halves are common, and both ends.
HALVES = st.sampled_from([0, 1, 2, 3, 2**63, 2**64 - 1])
DIGESTS = st.tuples(HALVES, HALVES.map(lambda low: low << 3 & (2**64 - 1)))
PUTS = st.lists(st.lists(st.tuples(DIGESTS, st.integers(0, STATE_MAX)), max_size=8), max_size=12)


def words(digests: list[tuple[int, int]]) -> Words:
    """Return digests as the set takes them."""
    return np.array(digests, np.uint64).reshape(-1, 2)


@settings(deadline=None)
@given(PUTS, st.booleans(), st.integers(2, 6), st.sampled_from([0, 1, 4, 99]))
def test_answers_like_a_dict(
    puts: list[list[tuple[tuple[int, int], int]]],
    find_between: bool,
    segment_max: int,
    young_max: int,
) -> None:
    """Whatever is put in which order and merged when: the newest state of each digest."""
    known = DigestSet(segment_max=segment_max, young_max=young_max)
    model: dict[tuple[int, int], int] = {}
    every = [(high, low << 3 & (2**64 - 1)) for high in (0, 1, 3, 2**63) for low in range(5)]

    for put in puts:
        digests = [entry for entry, _ in put]
        known.put(words(digests), np.array([state for _, state in put], np.uint8))
        model |= dict(put)
        if find_between:
            asked = digests + every
            assert known.find(words(asked)).tolist() == [model.get(d, ABSENT) for d in asked]

    asked = list(model) + every
    assert known.find(words(asked)).tolist() == [model.get(d, ABSENT) for d in asked]
    assert known.counts() == [list(model.values()).count(s) for s in range(STATE_MAX + 1)]
    assert len(known) == len(model)
    assert known.find(words(asked)).tolist() == [model.get(d, ABSENT) for d in asked]


def test_tells_digests_apart_that_share_their_high_half() -> None:
    """A comparison of 64 bits only would skip an ID that is still to do."""
    known = DigestSet(segment_max=4, young_max=2)
    shared = [(7, low << 3) for low in range(50)]

    for low in range(0, 50, 2):
        known.put(words([shared[low]]), low % 5)

    expected = [low % 5 if low % 2 == 0 else ABSENT for low in range(50)]
    assert known.find(words(shared)).tolist() == expected
    assert len(known) == 25


def test_finds_digests_that_are_not_spread_evenly() -> None:
    """Nothing says that they are; and what lies before, between and behind is not there."""
    known = DigestSet(young_max=0)
    crowd = [(2**63 + 2 * n, 0) for n in range(100)]
    there = [(5, 0), *crowd, (2**64 - 5, 0)]
    known.put(words(there), 1)
    absent = [(0, 0), (4, 0), (6, 0), *((high + 1, 0) for high, _ in crowd), (2**64 - 1, 0)]

    assert known.find(words(there)).tolist() == [1] * len(there)
    assert known.find(words(absent)).tolist() == [ABSENT] * len(absent)


def test_the_last_one_of_equal_digests_in_one_put_counts() -> None:
    """A log may hold several lines of one ID close together."""
    known = DigestSet()
    known.put(words([(1, 8), (2, 8), (1, 8)]), np.array([2, 0, 1], np.uint8))

    assert known.find(words([(1, 8), (2, 8)])).tolist() == [1, 0]


def test_digests_differ_by_text_and_seed() -> None:
    """The seed keeps the text of an invalid row apart from an ID."""
    one = digest([b"", b"a", b"b", "ä".encode()], 0)
    other = digest([b"", b"a", b"b", "ä".encode()], 1)

    assert len({tuple(row) for row in np.concatenate((one, other)).tolist()}) == 8


def test_takes_24_bytes_an_entry_at_most() -> None:
    """Ten million done IDs must fit into 240 MB, whatever the order of puts and finds."""
    entries = 1_000_000
    digests = np.random.default_rng(1).integers(0, 2**64, (entries, 2), np.uint64)
    tracemalloc.start()
    known = DigestSet()

    for begin in range(0, entries, 5000):
        block = digests[begin : begin + 5000]
        if begin >= entries // 2:
            known.find(block)
        known.put(block, 1)

    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert known.memory_bytes <= 24 * entries
    assert taken <= 24 * entries
    assert (known.find(digests) == 1).all()
