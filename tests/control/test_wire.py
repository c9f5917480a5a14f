"""What is said on the socket: whatever comes, it is an order or refused."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.control.wire import order_line, read_order, socket_name, socket_path
from bulkdel.engine.steering import Order, Verb
from bulkdel.errors import ConfigError

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)
ORDERS = st.builds(
    Order,
    st.sampled_from([Verb.PAUSE, Verb.RESUME, Verb.RATE]),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(ORDERS)
def test_an_order_arrives_as_it_was_given(order: Order) -> None:
    """And the question for the status is none."""
    assert read_order(order_line(order)) == order
    assert read_order(order_line(None)) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_rate_that_json_cannot_carry_does_not_become_auto(value: float) -> None:
    """It would arrive as null, and the lane would go as fast as the provider lets it."""
    with pytest.raises(ConfigError, match="finite"):
        order_line(Order(Verb.RATE, None, value))


@given(
    st.binary(max_size=60)
    | JSON.map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
)
def test_what_is_no_order_is_refused(line: bytes) -> None:
    """Nothing else comes out, so nothing can break a run."""
    with pytest.raises(ConfigError):
        read_order(line)


@given(
    st.dictionaries(st.sampled_from(["order", "lane", "value"]), JSON | st.sampled_from(list(Verb)))
)
def test_what_is_nearly_an_order_is_one_or_refused(message: dict[str, object]) -> None:
    """With values of other kinds."""
    try:
        order = read_order(orjson.dumps(message))
    except ConfigError:
        return
    assert order is None or order.verb in Verb


@pytest.mark.parametrize("length", [1, 60, 80, 200])
@pytest.mark.parametrize("depth", [0, 1, 5])
def test_a_socket_can_be_made_beside_any_log(length: int, depth: int, tmp_path: Path) -> None:
    """The kernel takes a path of 108 bytes; folders and names are longer."""
    folder = tmp_path.joinpath(*["f" * 60] * depth)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / ("l" * length)
    with socket_path(log) as path, socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        made.listen()
        with socket_path(log) as again, socket.socket(socket.AF_UNIX) as client:
            client.connect(str(again))
    assert [each.name for each in folder.iterdir()] in (
        [socket_name(log)],
        ["f" * 60, socket_name(log)],
    )


def test_a_log_by_another_name_has_the_same_socket(tmp_path: Path) -> None:
    """As it has the same lock."""
    log = tmp_path / "log"
    log.touch()
    (tmp_path / "link").symlink_to(log)
    with socket_path(log) as one, socket_path(tmp_path / "link") as other:
        assert os.path.realpath(one) == os.path.realpath(other)
