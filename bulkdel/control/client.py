"""Ask a run: one order, or how it goes.

Not here: what is said (`wire`).
"""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path
from typing import Any, Final

import orjson

from bulkdel.control.wire import order_line, peer_of, socket_name, socket_path
from bulkdel.engine.steering import Order
from bulkdel.errors import ConfigError
from bulkdel.result_log.folder import is_job
from bulkdel.result_log.lock import holder

_WAIT_S: Final = 10.0
_ATTEMPTS: Final = 4
_PAUSE_S: Final = 0.1
_ANSWER_BYTES_MAX: Final = 1 << 22


class NotRunningError(ConfigError):
    """Nobody writes the log."""


def ask(log: Path, order: Order | None) -> dict[str, Any]:
    """Give the run of a log an order, or ask how it goes (None); return its answer.

    Raises:
        NotRunningError: No run writes this log.
        ConfigError: The run cannot be asked, or it refuses; the message says why.
    """
    if is_job(log):
        raise ConfigError(
            f"{log}: a job on a cluster cannot be steered; Ctrl-C in its command ends it"
        )
    who = holder(log)
    if who is None:
        raise NotRunningError(
            f"{log}: no run is writing it; `bulkdel status {log}` says how the last one ended"
        )
    answer = _answer(log, who, order_line(order))
    if answer.get("ok") is not True:
        raise ConfigError(str(answer.get("error") or "the run gives an answer that is none"))
    return answer


def _answer(log: Path, who: str, line: bytes) -> dict[str, Any]:
    if not hasattr(socket, "AF_UNIX"):
        raise ConfigError("this system has no Unix sockets, so a run cannot be steered here")
    received = bytearray()
    try:
        with socket_path(log) as path, _connected(path) as connection:
            _check_whose(connection, log)
            connection.sendall(line)
            until_s = time.monotonic() + _WAIT_S
            while len(received) < _ANSWER_BYTES_MAX and (data := connection.recv(1 << 16)):
                received += data
                connection.settimeout(max(0.01, until_s - time.monotonic()))  # in all, not each
    except TimeoutError as exc:
        raise ConfigError(
            f"{log}: {who} does not answer; is it stopped (Ctrl-Z), or very busy?"
        ) from exc
    except OSError as exc:
        raise ConfigError(f"{log}: {_why_not(exc, who)}") from exc
    try:
        answer = orjson.loads(bytes(received))
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise ConfigError(
            f"{log}: {who} gives no answer; it is ending, or it belongs to another user"
        )
    return answer


def _check_whose(connection: socket.socket, log: Path) -> None:
    """Refuse a socket that somebody else has put beside the log: what it says is made up.

    Raises:
        ConfigError: It is another one's.
    """
    peer = peer_of(connection)
    if peer is not None and peer[1] not in (0, log.stat().st_uid):
        raise ConfigError(
            f"{socket_name(log)}: this socket is of user {peer[1]}, who does not own {log}: nothing was"
            " sent there; end the run by a signal (kill -INT PID)"
        )


def _connected(path: Path) -> socket.socket:
    """Return a connection; a run that begins just now is given a moment."""
    for attempt in range(_ATTEMPTS):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_WAIT_S)
            connection.connect(str(path))
        except OSError as exc:
            connection.close()
            is_early = isinstance(exc, (FileNotFoundError, ConnectionRefusedError))
            if not is_early or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE_S)
        else:
            return connection
    raise AssertionError("the last attempt raises")


def _why_not(error: OSError, who: str) -> str:
    match error.errno:
        case errno.ENOENT | errno.ECONNREFUSED:
            return (
                f"{who} cannot be asked: there is no socket of it beside the log. It still reads its"
                " log, or is ending: try again in a moment; else it could make none (it has said"
                " so), runs on another host, or the log has another name: kill -INT PID ends it"
            )
        case errno.EACCES | errno.EPERM:
            return f"{who} belongs to another user, who alone may steer it"
    return f"{who} cannot be asked: {error.strerror}"
