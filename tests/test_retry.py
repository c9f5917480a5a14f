"""When an ID is sent again: what counts, how long it waits, and what it costs the provider."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.models import RETRY_AFTER_MAX_S, Meaning, Verdict
from bulkdel.retry import REFUSALS_MAX, RetryBudget, RetryPolicy

TRANSIENT = Verdict(Meaning.TRANSIENT)
REFUSED = Verdict(Meaning.REFUSED)


def rules(**changed: float) -> RetryPolicy:
    """Return rules with a seeded jitter."""
    values = {"attempts_max": 5, "wait_first_s": 0.5, "wait_max_s": 30.0} | changed
    return RetryPolicy(
        attempts_max=int(values["attempts_max"]),
        wait_first_s=values["wait_first_s"],
        wait_max_s=values["wait_max_s"],
        rng=random.Random(1),
    )


@pytest.mark.parametrize("meaning", sorted(set(Meaning) - {Meaning.TRANSIENT, Meaning.REFUSED}))
def test_only_what_may_succeed_later_is_sent_again(meaning: Meaning) -> None:
    """A list of what to retry, never of what not: unknown trouble is not repeated."""
    assert rules().wait_s(Verdict(meaning), transients=1, refusals=1) is None


@pytest.mark.parametrize("attempts_max", [1, 2, 5])
def test_an_id_gets_so_many_attempts(attempts_max: int) -> None:
    """``--attempts 1`` means one request, and 5 means four more."""
    retry = rules(attempts_max=attempts_max)

    waits = [retry.wait_s(TRANSIENT, transients=n, refusals=0) for n in range(1, 7)]

    assert [wait is not None for wait in waits] == [n < attempts_max for n in range(1, 7)]


def test_a_refusal_is_no_attempt() -> None:
    """It says nothing about the ID: at a busy provider every ID is refused many times."""
    retry = rules(attempts_max=2)

    assert retry.wait_s(REFUSED, transients=1, refusals=500) is not None
    assert retry.wait_s(TRANSIENT, transients=1, refusals=500) is not None
    assert retry.wait_s(REFUSED, transients=0, refusals=REFUSALS_MAX) is None


@pytest.mark.parametrize("verdict", [TRANSIENT, REFUSED])
@pytest.mark.parametrize(("number", "bound_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0)])
def test_waits_are_drawn_evenly_below_a_bound_that_doubles(
    verdict: Verdict, number: int, bound_s: float
) -> None:
    """Full jitter: IDs that failed together do not come back together."""
    retry = rules()

    waits = [retry.wait_s(verdict, transients=number, refusals=number) or 0.0 for _ in range(2000)]

    assert 0 <= min(waits) < 0.05 * bound_s
    assert 0.95 * bound_s < max(waits) <= bound_s
    assert sum(waits) / len(waits) == pytest.approx(bound_s / 2, rel=0.05)


def test_no_drawn_wait_is_above_the_most() -> None:
    """The thousandth refusal doubles nothing any more."""
    retry = rules(wait_max_s=30.0)

    waits = [retry.wait_s(REFUSED, transients=0, refusals=n) or 0.0 for n in range(1, REFUSALS_MAX)]

    assert 29 < max(waits) <= 30


@given(asked_s=st.floats(0, 1e6), number=st.integers(1, 4))
def test_never_sooner_than_the_provider_asks(asked_s: float, number: int) -> None:
    """A Retry-After longer than our own backoff wins, up to five minutes."""
    verdict = Verdict(Meaning.REFUSED, retry_after_s=asked_s)

    wait_s = rules().wait_s(verdict, transients=number, refusals=number)

    assert wait_s is not None
    assert wait_s >= min(asked_s, RETRY_AFTER_MAX_S)
    assert wait_s <= max(30.0, min(asked_s, RETRY_AFTER_MAX_S))


def test_budget_bounds_the_retries_of_a_failing_provider() -> None:
    """Without a good answer, retries come to one a second, however many IDs wait."""
    budget = RetryBudget()
    retries, now_s = 0, 0.0

    while now_s < 1000:
        wait_s = budget.wait_s(now_s)
        if wait_s == 0.0:
            budget.spend(now_s)
            retries += 1
        else:
            now_s += wait_s

    assert retries <= RetryBudget.FULL + 1000
    assert retries >= 1000


def test_budget_is_earned_back_by_good_answers_up_to_its_fill() -> None:
    """At a provider that answers well, no retry waits; and nothing is saved up for later."""
    budget = RetryBudget()
    for _ in range(100):
        budget.spend(0.0)
    assert budget.wait_s(0.0) == pytest.approx(1.0)

    budget.earn()
    assert budget.wait_s(0.0) == 0.0

    for _ in range(10_000):
        budget.earn()
    for _ in range(100):
        budget.spend(0.0)
    assert budget.wait_s(0.0) > 0.0
