"""The guards alone, as state machines: what holds a lane, what stops it, what it says."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from bulkdel.errors import ConfigError
from bulkdel.guards import (
    DeleteBudget,
    FailureBudget,
    GoneRun,
    LaneGuard,
    StopCause,
    parse_max_failures,
)
from bulkdel.guards.alone import OTHERS_MAX
from bulkdel.models import Meaning, Verdict

KEY = Verdict(Meaning.KEY_REFUSED, code="AuthenticationError", message="The API key is invalid")
OPENED = 11


def opened() -> LaneGuard:
    """Return the guard of a lane that works."""
    guard = LaneGuard("ark")
    for _ in range(OPENED):
        guard.sent()
        guard.good(deleted=True)
    assert guard.is_free
    return guard


def send(guard: LaneGuard, now_s: float) -> None:
    """Send one request, which must be allowed."""
    assert guard.wait_s(now_s, 0) == 0.0
    guard.sent()


def allowed(guard: LaneGuard) -> int:
    """Return how many requests may be in flight."""
    return next(n for n in range(1000) if n == 999 or guard.wait_s(0.0, n) > 0.0)


def test_cold_lane_sends_one_then_ten_then_any() -> None:
    """A wrong setting shows on one object, not on a hundred."""
    guard = LaneGuard("ark")
    steps = [allowed(guard)]
    for _ in range(OPENED):
        guard.good(deleted=True)
        steps.append(allowed(guard))

    assert steps == [1] + [10] * 10 + [999]


def fatal(guard: LaneGuard, now_s: float, object_id: str, verdict: Verdict) -> None:
    """Have a guard hear of an answer that would hit every ID."""
    guard.fatal(now_s, object_id, verdict, ended=0, others_tell=True)


def test_nothing_but_a_good_answer_opens_a_cold_lane() -> None:
    """Anything odd at the start keeps it at one request."""
    guard = LaneGuard("ark")
    for number in range(9):
        guard.failed()
        guard.refused(0.0, Verdict(Meaning.REFUSED))
        guard.transient(0.0, f"id{number}", "HTTP 500", exhausted=False)

    assert allowed(guard) == 1


def test_barred_lane_waits_for_answers_in_flight_then_asks_the_same_id() -> None:
    """Answers that are on their way may show that it was one stray refusal."""
    guard = opened()

    fatal(guard, 5.0, "id1", KEY)

    assert guard.wait_s(5.0, 3) == math.inf
    assert guard.wait_s(5.0, 0) == 0.0
    assert guard.probe_id == "id1"
    assert guard.stop is None
    assert guard.held_for is not None
    assert "API key is invalid" in guard.held_for


def test_answers_of_before_neither_stop_nor_free_a_barred_lane() -> None:
    """They were sent before the refusal, so they say nothing about after it."""
    guard = opened()
    fatal(guard, 0.0, "id1", KEY)

    fatal(guard, 0.1, "id2", KEY)
    guard.good(deleted=True)
    guard.transient(0.1, "id3", "HTTP 500", exhausted=True)

    assert guard.stop is None
    assert guard.probe_id == "id1"
    assert guard.held_for is not None


def test_a_stray_refusal_of_the_key_ends_nothing() -> None:
    """A single 401 must not end a run of fourteen hours."""
    guard = opened()
    fatal(guard, 0.0, "id1", KEY)
    send(guard, 0.1)
    guard.good(deleted=True)

    assert guard.stop is None
    assert guard.held_for is None
    assert guard.probe_id is None
    assert allowed(guard) == 10


@pytest.mark.parametrize(
    ("meaning", "cause", "words"),
    [
        (Meaning.KEY_REFUSED, StopCause.KEY_REFUSED, "key"),
        (Meaning.ACCOUNT, StopCause.ACCOUNT, "account"),
        (Meaning.ENDPOINT, StopCause.ENDPOINT, "--base-url"),
    ],
)
def test_refused_again_it_stops_and_says_why(
    meaning: Meaning, cause: StopCause, words: str
) -> None:
    """Who reads it learns the lane, the cause, the provider's own words and the next step."""
    guard = opened()
    verdict = Verdict(meaning, code="Overdue", message="in the provider's words")
    fatal(guard, 0.0, "id1", verdict)
    send(guard, 0.1)
    fatal(guard, 0.2, "id1", verdict)
    for number in range(OTHERS_MAX):
        assert guard.stop is None
        send(guard, 0.3)
        fatal(guard, 0.4, f"other{number}", verdict)

    assert guard.stop is not None
    assert guard.stop.cause is cause
    assert guard.stop.lane == "ark"
    text = str(guard.stop)
    assert text.startswith("lane ark: ")
    assert "Overdue in the provider's words" in text
    assert words in text
    assert "start again" in text
    assert guard.wait_s(0.2, 0) == math.inf


def test_trouble_of_ten_ids_in_a_row_holds_the_lane() -> None:
    """Then it is the provider, not the IDs."""
    guard = opened()
    held = []
    for number in range(10):
        assert not guard.transient(1.0, f"id{number}", "HTTP 503", exhausted=False)
        held.append(guard.held_for is not None)

    assert held == [False] * 9 + [True]
    assert guard.wait_s(1.0, 0) == pytest.approx(1.0)
    assert guard.wait_s(1.0, 1) == math.inf


def test_the_trouble_of_one_id_is_its_own() -> None:
    """An ID that always fails is given up; it does not hold the lane."""
    guard = opened()
    for _ in range(50):
        assert not guard.transient(0.0, "id1", "HTTP 500", exhausted=False)

    assert guard.transient(0.0, "id1", "HTTP 500", exhausted=True)
    assert guard.is_free


def test_a_good_answer_in_between_means_that_the_provider_works() -> None:
    """One per cent of server errors never holds a lane."""
    guard = opened()
    for number in range(1000):
        guard.transient(0.0, f"id{number}", "HTTP 500", exhausted=False)
        if number % 9 == 8:
            guard.good(deleted=True)

    assert guard.is_free


def test_no_id_is_given_up_while_the_provider_is_down() -> None:
    """Its last attempt fell into the outage: that says nothing about the ID."""
    guard = opened()
    assert guard.transient(0.0, "id1", "HTTP 503", exhausted=True)
    assert guard.transient(0.0, "id2", "HTTP 503", exhausted=True)
    assert not guard.transient(0.0, "id3", "HTTP 503", exhausted=True)

    assert guard.held_for is not None
    assert not guard.transient(0.0, "id4", "HTTP 503", exhausted=True)


def held() -> LaneGuard:
    """Return the guard of a lane that is held for an outage since 0."""
    guard = opened()
    for number in range(10):
        guard.transient(0.0, f"id{number}", "HTTP 503", exhausted=False)
    assert guard.held_for is not None
    return guard


def test_probes_come_at_growing_intervals_until_the_outage_limit() -> None:
    """A provider that comes back is not met by a crowd; one that does not ends the lane."""
    guard, now_s, probes = held(), 0.0, []
    while guard.stop is None:
        now_s += guard.wait_s(now_s, 0)
        send(guard, now_s)
        probes.append(now_s)
        guard.transient(now_s, "id1", "HTTP 503", exhausted=True)

    gaps = [later - sooner for sooner, later in pairwise(probes)]
    assert probes[0] == pytest.approx(1.0)
    assert gaps[:3] == pytest.approx([1.5, 2.25, 3.375])
    assert max(gaps) == pytest.approx(30.0)
    assert guard.stop.cause is StopCause.OUTAGE
    assert probes[-1] == pytest.approx(600.0)
    assert "HTTP 503" in str(guard.stop)


def test_a_good_probe_ends_the_outage_and_starts_small() -> None:
    """By itself, without the user; but not with a hundred requests at once."""
    guard = held()
    send(guard, 1.0)
    guard.good(deleted=True)

    assert guard.held_for is None
    assert allowed(guard) == 10


def test_a_probe_that_is_refused_or_fails_for_good_ends_the_outage_too() -> None:
    """Any answer that is no trouble shows that the provider is back."""
    for ends in ("refused", "failed"):
        guard = held()
        send(guard, 1.0)
        if ends == "refused":
            guard.refused(1.1, Verdict(Meaning.REFUSED))
        else:
            guard.failed()

        assert guard.held_for is None
        assert allowed(guard) == 1


def test_a_wait_of_hours_stops_the_lane_and_names_it() -> None:
    """Azure has asked for 86,400 s; nobody expects a run to sleep that long unasked."""
    guard = opened()

    guard.refused(0.0, Verdict(Meaning.REFUSED, message="slow down", retry_after_s=86_400))

    assert guard.stop is not None
    assert guard.stop.cause is StopCause.RETRY_AFTER
    assert "86,400 s" in str(guard.stop)
    assert "slow down" in str(guard.stop)
    assert "--wait-long" in str(guard.stop)


@pytest.mark.parametrize(("asked_s", "wait_long"), [(300, False), (86_400, True)])
def test_a_wait_within_the_bound_or_wanted_stops_nothing(asked_s: float, wait_long: bool) -> None:
    """Five minutes are usual; more if the user says so."""
    guard = LaneGuard("ark", wait_long=wait_long)

    guard.refused(0.0, Verdict(Meaning.REFUSED, retry_after_s=asked_s))

    assert guard.stop is None


def test_nothing_but_refusals_for_long_stops_the_lane() -> None:
    """The limit is used up by others, or is zero: waiting in silence helps nobody."""
    guard = opened()
    for second in range(601):
        guard.refused(float(second), Verdict(Meaning.REFUSED))
    assert guard.stop is None

    guard.refused(601.0, Verdict(Meaning.REFUSED))

    assert guard.stop is not None
    assert guard.stop.cause is StopCause.REFUSED


def test_one_good_answer_among_refusals_starts_the_count_again() -> None:
    """A limit that lets one through every minute is slow, not closed."""
    guard = opened()
    for second in range(5000):
        guard.refused(float(second), Verdict(Meaning.REFUSED))
        if second % 60 == 0:
            guard.good(deleted=True)

    assert guard.stop is None


def gone_until_doubted(run: GoneRun, sent_s: float = 1.0) -> int:
    """Return how many answers in a row say "gone" until somebody must look."""
    for number in range(1, 5000):
        run.believes(sent_s)
        if run.is_unlikely:
            return number
    return 5000


def test_gone_is_doubted_until_something_was_deleted() -> None:
    """In this run: the key may be another one today. Unless the user says that it is so."""
    assert not LaneGuard("ark").gone.believes(1.0)
    assert not LaneGuard("ark", deleted_before=1).gone.believes(1.0)
    assert LaneGuard("ark", allow_gone=True).gone.believes(1.0)
    assert gone_until_doubted(GoneRun()) == 100
    assert gone_until_doubted(GoneRun(deleted_before=1)) == 1000
    assert gone_until_doubted(GoneRun(trusts=True)) == 5000


def test_gone_is_believed_only_by_a_request_that_left_later() -> None:
    """A slow deletion that left before an empty replica took over says nothing about it."""
    run = GoneRun()
    run.seen(5.0)

    assert run.believes(4.0)
    assert not run.believes(6.0)
    run.seen(3.0)
    assert not run.believes(6.0)
    run.seen(7.0)
    assert run.believes(6.0)


@pytest.mark.parametrize(
    ("rows", "doubted_at"),
    [
        ([0] * 20_000, range(100, 101)),
        ([1, 0, 0] * 5000, range(100, 101)),
        ([3, 0, 1, 0, 0] * 2000, range(100, 101)),
        ([20, 0] * 50, range(150, 300)),
        ([90, 0] * 50, range(700, 1001)),
        ([99] * 30, range(700, 1001)),
    ],
)
def test_what_is_unlikely_follows_from_the_rows_so_far(rows: list[int], doubted_at: range) -> None:
    """Where files are gone in blocks a long one is usual; after single ones a hundred is not."""
    run = GoneRun()
    for length in rows:
        for _ in range(length):
            run.believes(1.0)
            assert not run.is_unlikely
        run.seen(0.0)

    assert gone_until_doubted(run) in doubted_at


def test_a_failure_is_doubted_until_something_went_well() -> None:
    """A log with deletions of this lane shows that the API is the right one."""
    assert LaneGuard("ark").doubts_failed
    assert not LaneGuard("ark", deleted_before=1).doubts_failed
    guard = LaneGuard("ark")
    guard.good(deleted=False)
    assert not guard.doubts_failed


def test_all_gone_and_all_failed_ask_the_right_question() -> None:
    """They are mistakes of the user, who must recognise them."""
    gone, failed = LaneGuard("ark"), LaneGuard("ark")
    gone.all_gone(100)
    failed.all_failed(0.0, "unknown parameter")
    for _ in range(OTHERS_MAX):
        send(failed, 0.1)
        failed.failed()

    assert gone.stop is not None
    assert gone.stop.cause is StopCause.ALL_GONE
    assert "wrong account, region or project?" in str(gone.stop)
    assert "--allow-gone" in str(gone.stop)
    assert "--retry-gone" in str(gone.stop)
    assert failed.stop is not None
    assert failed.stop.cause is StopCause.ALL_FAILED
    assert "unknown parameter" in str(failed.stop)


def test_a_stopped_guard_stays_stopped() -> None:
    """Late answers neither change the reason nor open it again."""
    guard = opened()
    guard.all_gone(100)
    stop = guard.stop

    fatal(guard, 0.0, "id1", KEY)
    guard.refused(0.0, Verdict(Meaning.REFUSED, retry_after_s=1e6))
    guard.good(deleted=True)
    guard.failed()

    assert not guard.transient(0.0, "id1", "HTTP 500", exhausted=True)
    assert guard.stop is stop
    assert guard.wait_s(0.0, 0) == math.inf


def test_delete_budget_counts_what_may_become_a_deletion() -> None:
    """A request in flight holds a place, or N in flight would pass a limit of one."""
    budget, woken = DeleteBudget(3, used=1), []
    budget.on_change(lambda: woken.append(1))
    budget.reserve()
    budget.reserve()
    assert not budget.has_place
    assert not budget.spent

    budget.release(deleted=False)
    assert budget.has_place

    budget.reserve()
    budget.release(deleted=True)
    budget.release(deleted=True)
    assert (budget.used, budget.has_place, budget.spent) == (3, False, True)
    assert len(woken) == 3


def test_no_limit_of_deletions_is_none() -> None:
    """It costs nothing then."""
    budget = DeleteBudget(None, used=10**9)

    assert (budget.unlimited, budget.spent, budget.has_place) == (True, False, True)


def test_failure_budget_counts_or_takes_a_share_of_a_sample() -> None:
    """Two failures of three are no two thirds of a million."""
    count, share = FailureBudget(2), FailureBudget(None, 0.5)
    for _ in range(3):
        assert not count.exceeded
        count.note(failed=True)
    assert count.exceeded

    for _ in range(99):
        share.note(failed=True)
        assert not share.exceeded
    share.note(failed=True)
    assert share.exceeded


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("0", (0, None)), (" 12 ", (12, None)), ("2%", (None, 0.02)), ("0.5%", (None, 0.005))],
)
def test_max_failures_is_a_count_or_a_share(
    text: str, parsed: tuple[int | None, float | None]
) -> None:
    """One flag for both, as people say it."""
    assert parse_max_failures(text) == parsed


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "two", "2 %", "1e3"])
def test_max_failures_of_another_form_is_refused(text: str) -> None:
    """Read wrongly, it would not stop where it should."""
    with pytest.raises(ConfigError, match="max-failures"):
        parse_max_failures(text)
