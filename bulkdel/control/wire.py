"""Where the socket of a log is, and what is said on it.

    {"order":"rate","lane":"ark","value":20}  ──>  {"ok":true,"said":"ark: 20 requests a second"}
    {"order":"status"}                        ──>  {"ok":true,"status":{…}}

One line each way, then the connection is closed. It is a Unix socket, ``LOG.control``, beside the log
that it belongs to; under another name where that one is too long for a file.

The kernel takes a path of some hundred bytes at most (``sun_path`` of unix(7): 108). So the folder
is opened, and the socket is named by way of it: ``/proc/self/fd/N/NAME`` (Linux); elsewhere a long
path means that a run cannot be steered.

What holds here, always: a message that is too long, no JSON or no order is refused, and no part of
it is followed.

Not here: sockets (`server`, `client`).
"""

from __future__ import annotations

import math
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import xxhash

from bulkdel.engine.steering import Order, Verb
from bulkdel.errors import ConfigError

MESSAGE_BYTES_MAX: Final = 4096
"""An order has a hundred; an answer may be longer."""
STATUS: Final = "status"
_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group, as Linux has them."""

_PATH_BYTES_MAX: Final = 100
_NAME_BYTES_MAX: Final = 70
_BY_FOLDER: Final = Path("/proc/self/fd")


def socket_name(log: Path) -> str:
    """Return the name of a log's socket, in the log's own folder."""
    name = f"{log.name}.control"
    if len(os.fsencode(name)) <= _NAME_BYTES_MAX:
        return name
    return f"{xxhash.xxh3_64_hexdigest(os.fsencode(log.name))}.control"


@contextmanager
def socket_path(log: Path) -> Iterator[Path]:
    """Yield a path of the socket that the kernel takes, good within the block.

    Raises:
        OSError: There is none, or the folder cannot be opened.
    """
    log = Path(os.path.realpath(log))
    path = log.parent / socket_name(log)
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield path
        return
    if not _BY_FOLDER.is_dir():
        raise OSError(0, f"the path of {log.name} is too long for a socket")
    folder = os.open(log.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _BY_FOLDER / str(folder) / path.name
    finally:
        os.close(folder)


def peer_of(connection: socket.socket) -> tuple[int, int] | None:
    """Return process and user at the other end; None where the system does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return pid, uid


def order_line(order: Order | None) -> bytes:
    """Return an order as it is sent; None asks for the status.

    Raises:
        ConfigError: Its value is no number that JSON has: it would arrive as none, which is ``auto``.
    """
    if order is None:
        return orjson.dumps({"order": STATUS}) + b"\n"
    if order.value is not None and not math.isfinite(order.value):
        raise ConfigError(f"{order.verb.value} takes a finite number, not {order.value}")
    body = {"order": order.verb.value, "lane": order.lane, "value": order.value}
    try:
        return orjson.dumps(body) + b"\n"
    except TypeError:  # it holds what is no UTF-8
        raise ConfigError(f"there is no lane {order.lane!r}") from None


def read_order(line: bytes) -> Order | None:
    """Return the order that a line is; None for a question for the status.

    Raises:
        ConfigError: It is none.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    match message:
        case {"order": "status"}:
            return None
        case {"order": str(verb)} if verb in list(Verb):
            return Order(Verb(verb), _lane(message.get("lane")), _value(message.get("value")))
    raise ConfigError("this is no order; a newer bulkdel may give others than this run knows")


def _lane(lane: Any) -> str | None:
    if lane is not None and not isinstance(lane, str):
        raise ConfigError("the lane of an order is a name")
    return lane


def _value(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError("the value of an order is a number")
    return float(value)
