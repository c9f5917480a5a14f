"""Retry-After in its three forms, and whatever else may stand in these headers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.models import Answer
from bulkdel.providers.answers import retry_after_s

NOW_S = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
LATER = "Sun, 06 Nov 1994 08:50:07 GMT"


def asked_s(received_s: float = NOW_S, **headers: str) -> float | None:
    """Return the wait that an answer with these headers asks for."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return retry_after_s(Answer(429, headers=fields, received_s=received_s))


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("2.5", 2.5),
        (".5", 0.5),
        ("3.", 3.0),
        (" 7 ", 7.0),
        ("86400", 86400.0),
    ],
)
def test_seconds(value: str, wait_s: float) -> None:
    """Whole seconds are the standard, decimals are what gateways send."""
    assert asked_s(retry_after=value) == wait_s


def test_milliseconds_come_first() -> None:
    """OpenAI and Azure send both; the finer one is right."""
    assert asked_s(retry_after_ms="1500", retry_after="2") == 1.5
    assert asked_s(retry_after_ms="soon", retry_after="2") == 2.0
    assert asked_s(retry_after_ms="-1", retry_after=LATER) == 30.0


@pytest.mark.parametrize(
    "date", [LATER, "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"]
)
def test_dates_in_all_forms_of_http(date: str) -> None:
    """RFC 9110 has one form to send and two old ones to accept."""
    assert asked_s(retry_after=date) == 30.0


def test_a_date_counts_from_the_servers_own_clock() -> None:
    """Our clock may be an hour off; both dates are of the same clock."""
    assert asked_s(NOW_S + 3600, retry_after=LATER, date="Sun, 06 Nov 1994 08:49:57 GMT") == 10.0
    assert asked_s(NOW_S, retry_after=LATER, date="yesterday") == 30.0


def test_a_date_without_any_clock_says_nothing() -> None:
    """Counted from 1970 it would be a wait of decades."""
    assert asked_s(0.0, retry_after=LATER) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "+1",
        "1e3",
        "1_000",
        "0x10",
        "inf",
        "Infinity",
        "nan",
        "٣",
        "1,5",
        "9" * 400,
        "soon",
        "12 13 14",
        "Sun, 06 Nov 1994 08:49:07 GMT",  # half a minute ago
        "Sun, 06 Nov 99999 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999999",
        "Sun, 99 Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_wait_is_ignored(value: str) -> None:
    """A bad header must neither end the lane nor make it wait for ever."""
    assert asked_s(retry_after=value) is None
    assert asked_s(retry_after_ms=value) is None


def test_without_headers() -> None:
    """Most refusals carry none."""
    assert retry_after_s(Answer(429)) is None


@given(
    ms=st.none() | st.text(max_size=30),
    seconds=st.none() | st.text(max_size=30) | st.floats().map(str),
    date=st.none() | st.text(max_size=30),
    received_s=st.floats(allow_nan=False),
)
def test_any_headers_give_a_finite_wait_or_none(
    ms: str | None, seconds: str | None, date: str | None, received_s: float
) -> None:
    """These come from anyone between the provider and us."""
    fields = {"retry-after-ms": ms, "retry-after": seconds, "date": date}
    headers = {name: value for name, value in fields.items() if value is not None}

    wait_s = retry_after_s(Answer(503, headers=headers, received_s=received_s))

    assert wait_s is None or 0 <= wait_s < math.inf
