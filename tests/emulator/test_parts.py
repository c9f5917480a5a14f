"""The pure parts of the emulator: limits, faults, made-up IDs, the store."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.emulator import Changing, Fault, FaultRule, FixedWindow, TokenBucket, make_ids
from bulkdel.emulator.faults import FaultPlan
from bulkdel.emulator.store import Store
from bulkdel.errors import ConfigError

# Limits


def test_a_bucket_lets_its_burst_in_and_then_its_rate() -> None:
    """Pacing is measured against this server: its rate must be exact."""
    bucket = TokenBucket(100, 20)

    at_once = sum(bucket.wait_s(0.0) == 0 for _ in range(50))
    later = sum(bucket.wait_s(i / 1000) == 0 for i in range(1, 10_001))
    after_a_rest = sum(bucket.wait_s(100.0) == 0 for _ in range(50))

    assert (at_once, later, after_a_rest) == (20, 1000, 20)


def test_the_wait_that_a_bucket_names_is_enough_and_not_too_long() -> None:
    """It becomes the Retry-After; a client that keeps to it must get in."""
    bucket = TokenBucket(4, 1)
    assert bucket.wait_s(10.0) == 0

    wait_s = bucket.wait_s(10.0)

    assert wait_s == pytest.approx(0.25)
    assert bucket.wait_s(10.0 + wait_s - 0.01) > 0
    assert bucket.wait_s(10.0 + wait_s) == 0


@given(
    rate=st.floats(0.5, 500),
    burst=st.floats(1, 50),
    gaps_s=st.lists(st.floats(0, 2), min_size=1, max_size=200),
)
def test_a_bucket_never_lets_in_more_than_burst_and_rate_allow(
    rate: float, burst: float, gaps_s: list[float]
) -> None:
    """Whatever the arrivals: otherwise a pacer could look better than it is."""
    bucket = TokenBucket(rate, burst)
    now_s = let_in = 0.0

    for gap_s in gaps_s:
        now_s += gap_s
        let_in += bucket.wait_s(now_s) == 0

    assert let_in <= burst + rate * now_s + 1e-6


def test_a_window_lets_its_count_in_and_is_shut_until_the_next() -> None:
    """Many providers count per minute, and give nothing until the minute is over."""
    window = FixedWindow(3, 60)

    first = [window.wait_s(65.0) for _ in range(4)]
    second = [window.wait_s(120.0) for _ in range(4)]

    assert first == [0, 0, 0, pytest.approx(55.0)]
    assert second[:3] == [0, 0, 0]
    assert second[3] > 0


def test_a_limit_changes_at_its_second() -> None:
    """A provider lowers and raises limits while a run goes on."""
    limit = Changing([(0, FixedWindow(2, 1)), (10, FixedWindow(1, 1)), (20, None)])

    let_in = [sum(limit.wait_s(at_s) == 0 for _ in range(5)) for at_s in (0, 9.5, 10, 19.9, 20, 21)]

    assert let_in == [2, 2, 1, 1, 5, 5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: TokenBucket(0),
        lambda: TokenBucket(1, 0.5),
        lambda: TokenBucket(float("nan")),
        lambda: FixedWindow(0, 1),
        lambda: FixedWindow(1, 0),
        lambda: Changing([]),
        lambda: Changing([(1, None)]),
        lambda: Changing([(0, None), (0, None)]),
        lambda: FaultRule(fault=Fault.ERROR, share=1.1),
        lambda: FaultRule(fault=Fault.ERROR, first=2, last=1),
        lambda: FaultRule(fault=Fault.ERROR, from_s=2, until_s=1),
        lambda: make_ids("nobody", 1),
        lambda: make_ids("ark", -1),
    ],
)
def test_a_setting_out_of_range_is_refused(make: object) -> None:
    """A silent nonsense limit would make a test mean nothing."""
    assert callable(make)
    with pytest.raises(ConfigError):
        make()


# Faults


def test_the_same_seed_draws_the_same_faults() -> None:
    """A failure that names its seed can be repeated."""
    rules = [FaultRule(fault=Fault.ERROR, share=0.1), FaultRule(fault=Fault.DROP, share=0.2)]

    def drawn(seed: str) -> list[Fault | None]:
        plan = FaultPlan(rules, seed)
        return [plan.draw(n, 0.0) for n in range(1, 5001)]

    assert drawn("1") == drawn("1")
    assert drawn("1") != drawn("2")


def test_shares_are_kept_and_add_up() -> None:
    """10 % beside 20 % is 10 and 20, not 10 and 18."""
    plan = FaultPlan(
        [FaultRule(fault=Fault.ERROR, share=0.1), FaultRule(fault=Fault.DROP, share=0.2)], "1"
    )

    drawn = [plan.draw(n, 0.0) for n in range(1, 20_001)]

    assert drawn.count(Fault.ERROR) / 20_000 == pytest.approx(0.1, abs=0.01)
    assert drawn.count(Fault.DROP) / 20_000 == pytest.approx(0.2, abs=0.01)


def test_a_rule_holds_in_its_span_only() -> None:
    """One stray 401 is one, and an outage ends."""
    plan = FaultPlan(
        [
            FaultRule(fault=Fault.KEY_REFUSED, first=3, last=3),
            FaultRule(fault=Fault.OVERLOADED, from_s=10, until_s=20),
        ],
        "1",
    )

    by_number = [plan.draw(n, 0.0) for n in (1, 2, 3, 4)]
    by_time = [plan.draw(9, now_s) for now_s in (9.9, 10.0, 19.9, 20.0)]

    assert by_number == [None, None, Fault.KEY_REFUSED, None]
    assert by_time == [None, Fault.OVERLOADED, Fault.OVERLOADED, None]


# IDs and the store


@pytest.mark.parametrize(
    ("provider", "shape"),
    [
        ("ark", r"resp_021767225[0-9a-f]{44}"),
        ("fireworks", r"resp_[0-9a-f]{32}"),
        ("openai", r"resp_[0-9a-f]{18}6955b9[0-9a-f]{26}"),
        ("litellm", r"resp_(?:bGl0ZWxsbTpjdXN0b21fbGxt[\w+]{130,}={0,2}|[\w-]{200,}={0,2})"),
    ],
)
def test_made_ids_look_real_and_differ(provider: str, shape: str) -> None:
    """A demo on IDs of another shape would hide what real ones do."""
    ids = make_ids(provider, 2000, 7)

    assert len(set(ids)) == 2000
    assert all(re.fullmatch(shape, object_id) for object_id in ids)
    assert ids == make_ids(provider, 2000, 7)
    assert not set(ids) & set(make_ids(provider, 2000, 8))


def test_the_store_tells_deleted_twice_from_unknown() -> None:
    """The first is a request in excess, the second a wrong ID: only one is an alarm."""
    store = Store(["a", "b", "c"])

    answers = [store.delete(object_id) for object_id in ("a", "a", "x", "b")]

    assert answers == [True, False, False, True]
    assert (store.present, store.deleted, store.deleted_twice, store.unknown) == (1, 2, 1, 1)
    assert list(store.present_ids()) == ["c"]
    assert list(store.deleted_ids()) == ["a", "b"]
    assert store.unknown_ids == ["x"]
